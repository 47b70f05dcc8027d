"""Model packs from the network, on an explicit command. Nothing else of the project fetches anything."""
