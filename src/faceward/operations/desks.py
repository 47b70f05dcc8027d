"""What people work with beside recognition: a desk each for cases, rights, people, requests, mandates and papers."""

from __future__ import annotations

from pathlib import Path

from faceward.core.document_results import MadeDocuments, SignOff
from faceward.operations import documents
from faceward.operations.case_desk import Cases
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.mandates import Mandates
from faceward.operations.people import People
from faceward.operations.requests import Requests
from faceward.operations.rights import Rights
from faceward.operations.stopping import Control
from faceward.operations.witnesses import Witnesses


class Desks:
    """The desks of one open deployment; their methods raise as those of `System` do."""

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    @property
    def control(self) -> Control:
        """The switch that stops all recognition, and what was adopted."""
        return Control(self._deployment, self._desk)

    @property
    def cases(self) -> Cases:
        """Cases of review (rules H1 to H4)."""
        return Cases(self._deployment, self._desk)

    @property
    def rights(self) -> Rights:
        """Subjects' rights, and the clock that keeps their terms."""
        return Rights(self._deployment, self._desk)

    @property
    def people(self) -> People:
        """The people who may act (rule S2)."""
        return People(self._deployment, self._desk)

    @property
    def requests(self) -> Requests:
        """What people ask for, and what others decide (rule S2)."""
        return Requests(self._deployment, self._desk)

    @property
    def witnesses(self) -> Witnesses:
        """The witnesses whose word counts for rule L3."""
        return Witnesses(self._deployment, self._desk)

    @property
    def mandates(self) -> Mandates:
        """The authority to search (rules P2, P7)."""
        return Mandates(self._deployment, self._desk)

    def make_documents(self, order: documents.Order) -> MadeDocuments:
        """Write documents that a law asks for, of the configuration as it runs; see `operations.documents.make`."""
        return documents.make(self._deployment, self._desk, order)

    def sign_document(self, name: str, file: Path | str) -> SignOff:
        """Sign off a document that this deployment made; it stands until the configuration changes (rule O1)."""
        return documents.sign(self._deployment, self._desk, name, Path(file))

    def documents_status(self) -> tuple[SignOff, ...]:
        """Return how each document stands, and what changed since its sign-off."""
        return documents.status(self._deployment)
