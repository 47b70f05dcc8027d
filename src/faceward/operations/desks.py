"""What people work with beside recognition: cases, rights, people, requests, mandates, papers and the log."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from faceward.audit.verifier import LogReport
from faceward.core.canonical import JSONObject
from faceward.core.document_results import MadeDocuments, SignOff
from faceward.core.names import normal_name
from faceward.core.pack_results import MigrationResult, PackChange
from faceward.core.reports import LogLine
from faceward.operations import backup, documents, gallery_term, log_view, migration, outlook, pack_use
from faceward.operations.accounts import Accounts
from faceward.operations.alerts import Alerts
from faceward.operations.api_keys import ApiKeys
from faceward.operations.cameras import Cameras
from faceward.operations.case_desk import Cases
from faceward.operations.channels import Channels
from faceward.operations.collections import Collections
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.evidence_desk import EvidenceDesk
from faceward.operations.gate import Gate, GateRequest, gate
from faceward.operations.identification import SearchRequest
from faceward.operations.keeping import Keeping, Work
from faceward.operations.keeping_desk import KeepingDesk
from faceward.operations.live import LiveBoard
from faceward.operations.log_files import verify_home
from faceward.operations.mandates import Mandates
from faceward.operations.monitoring_view import Monitoring
from faceward.operations.outlook import Outlook
from faceward.operations.overview import Overview
from faceward.operations.people import People
from faceward.operations.publication import log_key, tile_of
from faceward.operations.releases import Releases
from faceward.operations.requests import Requests
from faceward.operations.rights import Rights
from faceward.operations.stopping import Control
from faceward.operations.subject_links import SubjectLinks
from faceward.operations.watching import Watching, WatchRequest
from faceward.operations.witnesses import Witnesses
from faceward.vision.pipeline import Pipeline


class Desks:
    """The desks of one open deployment; their methods raise as those of `System` do."""

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk
        self.live = LiveBoard(deployment.home, deployment.clock)
        """What cameras show and count just now: redacted pictures and counts alone; a watch writes, others read."""

    @property
    def home(self) -> Path:
        """The deployment's folder."""
        return self._deployment.home

    @property
    def pipeline(self) -> Pipeline:
        """The model pack at work, for pictures in the caller's hand; see `standalone`."""
        return self._deployment.pipeline

    def gallery_purposes(self) -> dict[str, str | None]:
        """Return the purpose of every gallery, by the gallery's name."""
        names = (info.name for info in self._deployment.store.galleries())
        return {name: self._deployment.gallery_purpose(name) for name in names}

    @property
    def control(self) -> Control:
        """The switch that stops all recognition, and what was adopted."""
        return Control(self._deployment, self._desk)

    @property
    def cases(self) -> Cases:
        """Cases of review (rules H1 to H4)."""
        return Cases(self._deployment, self._desk)

    @property
    def alerts(self) -> Alerts:
        """Sightings of cameras that wait for people, and what became of them (rules W5, H1)."""
        return Alerts(self._deployment, self._desk)

    def watching(self, request: WatchRequest) -> Watching:
        """Return a watch of cameras for those on a list; as a context manager it begins, and goes on until it ends."""
        names = tuple(dict.fromkeys(normal_name(name) for name in request.cameras))
        mine = WatchRequest(normal_name(request.gallery), normal_name(request.purpose), names, request.mandate)
        return Watching(self._deployment, self._desk, mine)

    @property
    def channels(self) -> Channels:
        """Channels by which alerts leave, and what waits to be sent by them."""
        return Channels(self._deployment, self._desk)

    @property
    def rights(self) -> Rights:
        """Subjects' rights, and the clock that keeps their terms."""
        return Rights(self._deployment, self._desk)

    @property
    def links(self) -> SubjectLinks:
        """Links by which subjects see for themselves what is held about them."""
        return SubjectLinks(self._deployment, self._desk)

    @property
    def overview(self) -> Overview:
        """Galleries and the log as pages show them."""
        return Overview(self._deployment, self._desk)

    @property
    def accounts(self) -> Accounts:
        """Who gets into a service, and who did not (rule K2)."""
        return Accounts(self._deployment, self._desk)

    @property
    def people(self) -> People:
        """The people who may act (rule S2)."""
        return People(self._deployment, self._desk)

    @property
    def api_keys(self) -> ApiKeys:
        """The keys with which programs act (rule K2)."""
        return ApiKeys(self._deployment, self._desk)

    @property
    def cameras(self) -> Cameras:
        """The cameras, with what people before them are told (rules W8, W10)."""
        return Cameras(self._deployment, self._desk)

    @property
    def collections(self) -> Collections:
        """Galleries as programs keep them."""
        return Collections(self._deployment, self._desk)

    @property
    def releases(self) -> Releases:
        """Releases that subjects signed, put on file (rule C1)."""
        return Releases(self._deployment, self._desk)

    @property
    def requests(self) -> Requests:
        """What people ask for, and what others decide (rule S2)."""
        return Requests(self._deployment, self._desk)

    @property
    def witnesses(self) -> Witnesses:
        """The witnesses whose word counts for rule L3."""
        return Witnesses(self._deployment, self._desk)

    @property
    def evidence(self) -> EvidenceDesk:
        """The evaluations that searches rest on, and the rates of purposes (rules V1, S1)."""
        return EvidenceDesk(self._deployment, self._desk)

    @property
    def mandates(self) -> Mandates:
        """The authority to search (rules P2, P7)."""
        return Mandates(self._deployment, self._desk)

    def end_gallery(self, gallery: str, ends: datetime) -> datetime:
        """Give a gallery an end, or an earlier one (rule W3); see `gallery_term.set_end`. Return it, UTC."""
        return gallery_term.set_end(self._deployment, self._desk, normal_name(gallery), ends)

    def search_outlook(self, request: SearchRequest) -> Outlook:
        """Return what a search would lack, before anybody makes it; see `operations.outlook.of_search`."""
        return outlook.of_search(self._deployment, self._desk, request)

    def keeping(self, keeping: Keeping, work: Work) -> KeepingDesk:
        """Return the door through which footage is redacted; see `video.footage`."""
        return KeepingDesk(self._deployment, self._desk, keeping, work)

    def gate(self, request: GateRequest) -> Gate:
        """Return a gate that may be used for one traveller; see `video.gate_lane`."""
        return gate(self._deployment, self._desk, request)

    @property
    def monitoring(self) -> Monitoring:
        """The running rate of false alerts (rules V1, W6)."""
        return Monitoring(self._deployment, self._desk)

    def use_pack(self, model: Pipeline) -> PackChange:
        """Ask for another model pack, or change to it where that was approved; open the deployment again afterwards."""
        return pack_use.use(self._deployment, self._desk, model)

    def migrate(
        self, gallery: str, samples: Path | str | None = None, progress: Callable[[int, int], None] | None = None
    ) -> MigrationResult:
        """Make a gallery's references anew with the pack in use; see `operations.migration.migrate`."""
        return migration.migrate(
            self._deployment, self._desk, gallery, None if samples is None else Path(samples), progress
        )

    def back_up(self, places: backup.Places) -> backup.Backup:
        """Back the deployment up while it is in use; see `operations.backup.back_up`."""
        return backup.back_up(self._deployment, self._desk, places)

    def make_documents(self, order: documents.Order) -> MadeDocuments:
        """Write documents that a law asks for, of the configuration as it runs; see `operations.documents.make`."""
        return documents.make(self._deployment, self._desk, order)

    def sign_document(self, name: str, file: Path | str) -> SignOff:
        """Sign off a document that this deployment made; it stands until the configuration changes (rule O1)."""
        return documents.sign(self._deployment, self._desk, name, Path(file))

    def documents_status(self) -> tuple[SignOff, ...]:
        """Return how each document stands, and what changed since its sign-off."""
        return documents.status(self._deployment)

    def show_log(self, last: int) -> tuple[LogLine, ...]:
        """Return the latest entries with what can be opened of them; that they were shown is an entry too."""
        return log_view.show(self._deployment, self._desk, last)

    def log_lines(self, start: int = 0, stop: int | None = None) -> Iterator[LogLine]:
        """Iterate over the log's entries with what can be opened of them."""
        for index, entry in self._deployment.log.entries(start, stop):
            yield self._desk.journal.line(index, entry)

    def readiness(self) -> JSONObject:
        """Say whether operations can be carried out: networks loaded, files readable, the custodian there.

        Returns:
            `ready`, and `recognition`: `running` or `stopped` (rule W7).

        Raises:
            IntegrityError: The model pack is damaged, or the log cannot be read.
            EnvironmentFailure: The custodian does not answer.
        """
        self._deployment.pipeline.load()
        self._deployment.store.counts()
        stopped = self._deployment.custody.status().stopped
        return {"ready": self._deployment.log.size > 0, "recognition": "stopped" if stopped else "running"}

    def service_secret(self) -> bytes:
        """Return the secret, 32 bytes, under which a service seals what it remembers; it opens nothing of a subject."""
        return hmac.digest(self._deployment.lasting_secret("documents"), b"faceward/service/v1", "sha256")

    @property
    def log_size(self) -> int:
        """Number of entries in the log."""
        return self._deployment.log.size

    def ended_since(self, start: int) -> bool:
        """Tell whether anything was erased, withdrawn or stopped since the log had a size; see `log_view`."""
        return log_view.ended_since(self._deployment, start)

    def verify_log(self, earlier: str | None = None) -> LogReport:
        """Recompute the whole log with the verifier, which shares no code with the writer.

        Args:
            earlier: A checkpoint that somebody kept; the log must continue it.

        Raises:
            IntegrityError: The log was altered, rolled back or forked.
        """
        return verify_home(self._deployment.home, earlier, self._deployment.log.vkey)

    def log_checkpoint(self) -> str:
        """Return the log's signed size and root (C2SP tlog-checkpoint)."""
        return self._deployment.log.checkpoint()

    def log_cosigned(self) -> str | None:
        """Return the latest checkpoint that witnesses cosigned, or None; it may be some entries behind."""
        notes = self._deployment.log.cosigned()
        return notes[-1].note if notes else None

    def log_key(self) -> str:
        """Return the log's public key as a vkey (C2SP signed-note)."""
        return log_key(self._deployment.home).vkey

    def log_tile(self, path: str) -> bytes:
        """Return a tile of the log, or a bundle of its entries; see `operations.publication.tile_of`."""
        return tile_of(self._deployment.log, path)

    def prove(self, index: int) -> str:
        """Return a receipt for an entry, without details of any subject (C2SP tlog-proof)."""
        return self._deployment.log.receipt(index).encode()
