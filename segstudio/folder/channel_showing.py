"""Which channels of the open image are seen, and how: made beside the event loop."""

from __future__ import annotations

from segstudio.core.channel_looks import AS_IN_FILES
from segstudio.core.labels import Image
from segstudio.folder.documents import Documents
from segstudio.jobs import JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.picture import COMPOSITE


class ChannelShowing:
    """Shows images as `ViewState.channel` and `ViewState.channels` say.

    Of several choices that come quickly, as while a value is turned, the latest is shown.
    """

    def __init__(self, session: Session, jobs: JobRunner, documents: Documents) -> None:
        self._session, self._jobs, self._documents = session, jobs, documents
        self._shown = session.view.channel, session.view.channels
        session.follow(What.VIEW, self._on_view)

    def _on_view(self, _change: Change) -> None:
        view, document = self._session.view, self._session.document
        if (view.channel, view.channels) == self._shown:
            return
        self._shown = view.channel, view.channels
        if document is None:
            return
        self.show(document)
        for other in list(self._documents):
            if other is not document:  # it shall not change its look when it is shown
                self.show(other)

    def show(self, document: Document) -> None:
        """Show an image as it is chosen now, soon."""
        session, picture = self._session, document.picture
        wanted = document.shown_for(session.view.channel, session.view.channels)
        if picture is None or wanted == document.shown_as:
            if picture is not None:
                self._jobs.cancel_key(_key(document))  # what was asked for before
            return

        def done(pixels: Image | None) -> None:
            view = session.view
            if document.shown_for(view.channel, view.channels) == wanted:
                document.show(wanted, pixels)
                if document is session.document:
                    session.notify(What.PHOTO)

        if wanted == (COMPOSITE, AS_IN_FILES):
            self._jobs.cancel_key(_key(document))
            done(None)
            return
        channel, looks = wanted
        self._jobs.submit(
            "Showing channels",
            "photos",
            lambda job: picture.shown(channel, job.check, looks),
            done,
            key=_key(document),
            front=document is session.document,
            visible=False,
        )


def _key(document: Document) -> str:
    return f"channel:{document.ref.key}"
