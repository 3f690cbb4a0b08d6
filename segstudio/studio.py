"""Where the parts of the application are put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from segstudio.annotation.annotation_place import AnnotationPlace
from segstudio.annotation.autosave import Autosave
from segstudio.annotation.class_removal import ClassRemoval
from segstudio.annotation.clipboard import Clipboard
from segstudio.annotation.editing import Editing
from segstudio.annotation.exporting import Exporting
from segstudio.annotation.many_images import ManyImages
from segstudio.annotation.object_csv import ObjectCsv
from segstudio.annotation.object_table import ObjectTable
from segstudio.annotation.objects import Objects
from segstudio.annotation.prompting import Prompting
from segstudio.annotation.provenance_keeping import ProvenanceKeeping
from segstudio.annotation.recovering import Recovering
from segstudio.annotation.taking import Taking
from segstudio.annotation.tidying import Tidying
from segstudio.clock import Clock
from segstudio.comparison.comparing import Comparing
from segstudio.comparison.disagreement import Disagreement
from segstudio.comparison.error_counts import ErrorCounts
from segstudio.comparison.error_targets import ErrorTargets
from segstudio.core.prediction import RunOptions
from segstudio.evaluation.confused_places import ConfusedPlaces
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.export import EvaluationExport
from segstudio.evaluation.work_queue import WorkQueue
from segstudio.folder.browsing import Browsing
from segstudio.folder.documents import Documents
from segstudio.folder.files import OpenFolder
from segstudio.folder.folder_claim import FolderClaim
from segstudio.folder.folder_states import FolderStates
from segstudio.folder.label_contents import LabelContents
from segstudio.folder.last_place import PlaceKeeper
from segstudio.folder.picture_files import PictureFiles
from segstudio.folder.recent import RecentFolders
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.folder.thumbnail_jobs import Thumbnails
from segstudio.folder.view_keeper import ViewKeeper
from segstudio.folder.work_progress import WorkProgress
from segstudio.inspection.attending import Attending
from segstudio.inspection.cutting import Cutting
from segstudio.inspection.explaining import Explaining
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.inspection_export import InspectionExport
from segstudio.inspection.pairing import Pairing
from segstudio.inspection.photo_overlay import PhotoOverlay
from segstudio.inspection.proposing import Proposing
from segstudio.inspection.upsampling import Upsampling
from segstudio.jobs import JobRunner
from segstudio.notices import Notices
from segstudio.preferences import Preferences
from segstudio.runs.class_mappings import ClassMappings
from segstudio.runs.describing import Previewing
from segstudio.runs.downloads import Downloads
from segstudio.runs.engine import Engine, TorchEngine
from segstudio.runs.fast_routes import FastRoutes
from segstudio.runs.kept_weights import own_weights_file
from segstudio.runs.named_runs import NamedRuns
from segstudio.runs.own_weights import OwnWeights
from segstudio.runs.route_memory import RouteMemory, RouteTest, tested_apart
from segstudio.runs.scoring import Scoring
from segstudio.runs.segmenting import Segmenting
from segstudio.session.document import Document
from segstudio.session.session import Flavour, ModelState, OverlayStyle, PromptState, Session
from segstudio.storage.figures import FigureStore
from segstudio.storage.journal import Journal
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.settings import Settings
from segstudio.storage.thumbnail_cache import ThumbnailCache
from segstudio.training.trainings import Trainings


class Studio:
    """Builds the parts and holds them; has no verbs of its own.

    Attributes:
        session: What is open, and the signal that says what changed.
        jobs: Background work.
        notices: Messages to the user.
        preferences: Settings and the user's folders.
        scoring: Scores of the image and the folder.
        editing: Painting, undo.
        objects: Single objects: choosing, parting, joining, changing them.
        clipboard: Objects and regions that were copied.
        object_table: Their figures: area, intensity, score.
        object_csv: Files of these.
        taking: Objects and regions of predictions become annotation.
        prompting: Points and boxes answered by a network.
        place: Which files annotations go to, and their originals.
        autosave: Saving, and getting back what a crash left.
        provenance: Whether it is kept who writes which pixels.
        browsing: Folders, images, classes.
        folder_states: What the user says of images: done, flagged, a note.
        work_progress: How much of the folder is done, and how quickly that goes.
        label_contents: Which classes and how many objects the labels of images hold.
        recent_folders: Folders that were open before.
        folder_claim: Other windows on the same folder; windows that only look.
        own_weights: Weights of the user's own, in the list of models.
        previewing: How weights that are being described read the open image.
        segmenting: Models.
        comparing: What the views side by side show.
        schema_keeper: The folder's classes, and what changes them.
        class_removal: Removing a class and merging it into another one, in all images.
        tidying: Operations on regions: fill holes, smooth and the like, here or in many images.
        class_mappings: What the models' classes count as in the folder.
        exporting: Masks for other programs.
        confused_places: From the confusion matrix to the pixels behind it.
        picture_files: Charts and tables as files.
        downloads: Published weights, on this disk or not.
        named_runs: Models run in another way, and ensembles.
        evaluating: Models compared on the whole folder.
        evaluation_report: Files made from the comparison.
        work_queue: Images in the order in which they need a person.
        training: Networks trained on the folder, in processes of their own.
        disagreement: Where predictions differ, and taking one of them there.
        error_targets: What is wrong with the annotation if another side is right, and repairs.
        error_counts: How many errors the images of the folder have.
        inspecting: The network inspector.
        inspection_export: Files made from a trace.
        pairing: Its comparison with a second network.
        upsampling: Its comparison of ways of upsampling.
        feature_maps: Pictures and figures of the inspected network's stages.
        cutting: What the network says without skips or channels.
        explaining: Why a pixel got its class.
        attending: What a transformer's tokens look at.
        proposing: The regions that an instance model proposes.
        photo_overlay: What the inspector lays over the photo.
    """

    def __init__(
        self,
        clock: Clock,
        home: Path | None = None,
        engine: Engine | None = None,
        routes: RouteTest | None = None,
    ) -> None:
        """Args:
        clock: Time and turns of the thread that calls the verbs.
        home: A folder for all of the user's files (for tests), else the system's places.
        engine: The models; those of `segstudio.models` if not given.
        routes: Finds faster ways to run models; if not given, the test of `segstudio.models` for
            its own models, and none for those of another engine.
        """
        self.session = Session()
        self.notices = Notices()
        self.jobs = JobRunner(clock.post, self.notices.failure, self.notices.job_done)
        self.preferences = Preferences(home, self.jobs, self.notices)
        self._clock, self._engine = clock, engine or TorchEngine()
        self._route_test = tested_apart if engine is None and routes is None else routes
        self._documents, self._folder = Documents(), OpenFolder()
        folders = self.preferences.folders
        self._journal = Journal(folders.data / "journal")
        self._predictions = PredictionStore(folders.data / "predictions")
        self._figures = FigureStore(folders.cache / "figures.sqlite")
        self.last_words: list[str] = []
        """What `close` could not save, and where it is instead: for the terminal."""
        # Services hear of a change in the order in which they are made.
        self.schema_keeper = SchemaKeeper(
            self.session, self.jobs, clock, self._folder, self.notices
        )
        self._view_keeper = ViewKeeper(self.session, self.jobs, clock)
        self.last_place = PlaceKeeper(self.session, self.jobs, clock)
        self._make_runs()
        self._make_annotation()
        self._make_folder()
        self._make_comparison()
        self._make_class_changes()
        self._make_inspection()
        self._make_evaluation()
        self.training = Trainings(
            self.session,
            self.jobs,
            clock,
            self.notices,
            folders.data / "trainings",
            save=self._save_then,
            use=self.own_weights.open,
        )
        self._apply_settings()
        self.segmenting.refresh_models()

    def _make_runs(self) -> None:
        """Models on an image or on the folder, and their scores."""
        session, jobs, notices = self.session, self.jobs, self.notices
        self.scoring = Scoring(session, jobs, self._clock, notices, self._documents, self._folder)
        self.own_weights = OwnWeights(
            session,
            jobs,
            notices,
            own_weights_file(self.preferences.folders),
            self._engine,
        )
        self.previewing = Previewing(jobs, self._engine)
        memory = RouteMemory(self.preferences.folders.cache / "routes.json")
        routes = FastRoutes(session, jobs, self.preferences, memory, self._route_test)
        self.segmenting = Segmenting(
            session,
            jobs,
            self._clock,
            notices,
            self._documents,
            self._folder,
            self.schema_keeper,
            self.scoring,
            self._engine,
            self.own_weights,
            routes,
        )
        self.downloads = Downloads(session, jobs, notices, self._engine, self.segmenting)
        self.named_runs = NamedRuns(
            session,
            jobs,
            notices,
            self.preferences.folders.config / "runs.json",
            self._engine,
            self.settings.model,
        )

    def _make_annotation(self) -> None:
        """Painting, undo, saving, recovery, export."""
        session, jobs, notices = self.session, self.jobs, self.notices
        self.editing = Editing(session, jobs, notices)
        self.objects = Objects(session, jobs, notices, self.editing, self.schema_keeper)
        self.clipboard = Clipboard(session, jobs, notices, self.editing, self.objects)
        self.object_table = ObjectTable(session, jobs, self._clock)
        self.taking = Taking(session, jobs, notices, self.editing)
        self.prompting = Prompting(session, jobs, notices)
        self.recovering = Recovering(
            session,
            jobs,
            notices,
            self.editing,
            self._journal,
            lambda path, page, then, instead: self.browsing.open_image(path, then, page, instead),
        )
        self.place = AnnotationPlace(
            session, jobs, notices, self._documents, self._folder, self.editing
        )
        self.autosave = Autosave(
            session,
            jobs,
            self._clock,
            notices,
            self.preferences,
            self._documents,
            self._folder,
            self.editing,
            self._journal,
            self.place,
        )
        self.provenance = ProvenanceKeeping(
            session,
            jobs,
            notices,
            self._documents,
            self._folder,
            self.editing,
            self.autosave,
            self.scoring,
        )
        self.exporting = Exporting(session, jobs, notices, self._documents, self._folder)
        self.object_csv = ObjectCsv(
            session, jobs, notices, self._documents, self._folder, self.object_table
        )

    def _make_folder(self) -> None:
        """Folders, images, their marks and thumbnails."""
        session, jobs, notices = self.session, self.jobs, self.notices
        thumbnails = ThumbnailCache(self.preferences.folders.cache / "thumbnails")
        self.folder_claim = FolderClaim(session, jobs, notices)
        states = FolderStates(session, jobs, self._folder, self.scoring.count_missing)
        self.folder_states = states
        self.work_progress = WorkProgress(session, states)
        self.label_contents = LabelContents(
            session, jobs, self._clock, self._documents, self._folder, self._figures
        )
        self.recent_folders = RecentFolders(session, jobs, self.preferences, lambda: states.known)
        self.browsing = Browsing(
            session,
            jobs,
            self._clock,
            notices,
            self.preferences,
            self._documents,
            self._folder,
            self.schema_keeper,
            states,
            Thumbnails(session, jobs, thumbnails),
            self._predictions,
            self.folder_claim,
            self.recent_folders,
            leave=self._leave,
            shown=self.segmenting.load_stored,
            use_as_edit=lambda document, found: self.editing.become(
                document, found, "Other version"
            ),
        )
        self.browsing.instead = self.own_weights.open_instead
        self.autosave.take_theirs = self.browsing.take_from_disk
        self.picture_files = PictureFiles(jobs, notices)

    def _make_comparison(self) -> None:
        """Models side by side, and where they disagree."""
        self.disagreement = Disagreement(
            self.session, self.jobs, self._clock, self.notices, self.editing
        )
        self.error_targets = ErrorTargets(
            self.session,
            self.jobs,
            self._clock,
            self.notices,
            self.editing,
            self._folder,
            tell_objects=self.object_table.show_errors,
        )
        self.error_counts = ErrorCounts(
            self.session, self.jobs, self._clock, self._documents, self._folder
        )
        self.comparing = Comparing(self.session, self.segmenting)

    def _make_class_changes(self) -> None:
        """What classes count as, and removing them from all images."""
        self.class_mappings = ClassMappings(
            self.session,
            self.jobs,
            self.notices,
            self._documents,
            self._folder,
            self.schema_keeper,
            self.scoring,
        )
        many = ManyImages(
            self.session, self.jobs, self.notices, self._documents, self.scoring, self.autosave
        )
        self.class_removal = ClassRemoval(
            self.session,
            self.jobs,
            self.notices,
            self._documents,
            self._folder,
            self.schema_keeper,
            many,
        )
        self.tidying = Tidying(
            self.session, self.jobs, self.notices, self._folder, self.editing, many
        )

    def _make_inspection(self) -> None:
        """The network inspector."""
        session, jobs, notices, engine = self.session, self.jobs, self.notices, self._engine
        self.inspecting = Inspecting(session, jobs, self._clock, engine, notices)
        self.feature_maps = FeatureMaps(session, jobs)
        self.cutting = Cutting(
            session,
            jobs,
            self._clock,
            notices,
            engine,
            self.inspecting,
            self._documents,
            self._folder,
        )
        self.explaining = Explaining(session, jobs, self.inspecting)
        self.attending = Attending(session, jobs, self.inspecting)
        self.proposing = Proposing(session, self.inspecting)
        self.photo_overlay = PhotoOverlay(
            session,
            jobs,
            self.feature_maps,
            self.explaining,
            self.attending,
            self.proposing,
        )
        self.pairing = Pairing(session, jobs, self.inspecting, engine)
        self.upsampling = Upsampling(session, jobs, self.inspecting, engine)
        self.inspection_export = InspectionExport(session, jobs, notices, self.inspecting)

    def _make_evaluation(self) -> None:
        """Models over the whole folder, and the queue of work that follows."""
        session, jobs, notices = self.session, self.jobs, self.notices
        self.evaluating = Evaluating(
            session,
            jobs,
            self._clock,
            notices,
            self._documents,
            self._folder,
            self._engine,
            self._figures,
            self.scoring,
            self.segmenting,
        )
        self.confused_places = ConfusedPlaces(
            session, jobs, self.browsing, self.segmenting, self.evaluating.prediction_key
        )
        self.work_queue = WorkQueue(
            session,
            jobs,
            notices,
            self._folder,
            self.evaluating,
            self.browsing,
            self.segmenting,
        )
        self.evaluation_report = EvaluationExport(
            session, jobs, notices, self.evaluating, self._documents, self._folder
        )

    @property
    def settings(self) -> Settings:
        """The settings in force; replaced as a whole when one changes."""
        return self.preferences.settings

    def close(self, timeout: float = 10.0) -> bool:
        """Save what is unsaved, stop all jobs and threads.

        Returns:
            False if a thread did not stop in time or something could not be saved (it is in the
            journal then).
        """
        self.editing.end_stroke()
        self.schema_keeper.save_now()
        self._view_keeper.save_now()
        self.last_place.save_now()
        self._keep_settings()
        self.recent_folders.leave()
        self.autosave.save_all()
        self.training.leave()
        stopped = self.jobs.shutdown(timeout)
        self.last_words = self.autosave.last_words()
        self.browsing.masks.close()
        self._journal.close()
        self.folder_claim.release()
        self._figures.close()
        self._predictions.close()
        return stopped and not self.autosave.unsaved()

    def _save_then(self, done: Callable[[], None]) -> None:
        self.editing.end_stroke()
        self.autosave.save_all()
        self.autosave.when_saved(done)

    def _leave(self, document: Document) -> bool:
        self.editing.end_stroke()
        return self.autosave.save_before_leaving(document)

    def _apply_settings(self) -> None:
        settings, session = self.settings, self.session
        session.model = ModelState(
            settings.model,
            RunOptions(
                device=settings.device,
                score_threshold=settings.score_threshold,
                mask_threshold=settings.mask_threshold,
                tile_px=settings.tile_px,
            ),
        )
        session.prompting = PromptState(settings.prompter)
        session.set_view(
            brush_size=settings.brush_size,
            opacity=settings.opacity,
            style=OverlayStyle(settings.overlay_style),
            flavour=Flavour(settings.flavour),
            pixel_grid=settings.pixel_grid,
            navigator=settings.navigator,
            object_ids=settings.object_ids,
            object_boxes=settings.object_boxes,
            object_scores=settings.object_scores,
            scale_bar=settings.scale_bar,
        )

    def _keep_settings(self) -> None:
        """What was set while working and shall be so again."""
        view, model = self.session.view, self.session.model
        self.preferences.update(
            brush_size=view.brush_size,
            opacity=view.opacity,
            overlay_style=view.style.value,
            flavour=view.flavour.value,
            pixel_grid=view.pixel_grid,
            navigator=view.navigator,
            object_ids=view.object_ids,
            object_boxes=view.object_boxes,
            object_scores=view.object_scores,
            scale_bar=view.scale_bar,
            model=model.chosen,
            prompter=self.session.prompting.chosen,
            score_threshold=model.options.score_threshold,
            mask_threshold=model.options.mask_threshold,
        )
