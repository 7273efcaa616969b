"""Takes the day's files, asks an algorithm about each, and leaves a report that the team may read."""

import logging
import os
import tempfile
from datetime import UTC, datetime, timedelta

import Algorithmia as algorithmia
from Algorithmia.acl import AclType, ReadAcl
from Algorithmia.algorithm import OutputType
from Algorithmia.errors import AlgorithmException, ApiError, DataApiError

from nightly.publishing import ensure

log = logging.getLogger("nightly")

SUMMARIZER = "nlp/Summarizer/1.2.0"
TAGGER = "nlp/AutoTag/1.0.1"


class Night:
    """One night's work.

    :param key: the API key
    :param address: where the service is; the public one if left out
    """

    def __init__(self, key, address=None):
        self.client = algorithmia.client(key, address)
        self.summarizer = self.client.algo(SUMMARIZER)
        self.summarizer.set_options(timeout=300, stdout=True)
        self.tagger = self.client.algo(TAGGER).set_options(timeout=60)
        self.failed = []

    def folder(self, name):
        folder = self.client.dir("data://.my/" + name)
        if not folder.exists():
            folder.create(ReadAcl.private)
        return folder

    def reports(self):
        """The collection of reports, which our algorithms may read."""
        folder = self.folder("reports")
        if folder.get_permissions().read_acl == AclType.private:
            folder.update_permissions(ReadAcl.my_algos)
        return folder

    def about(self, file):
        text = file.getString()
        answer = self.summarizer.pipe(text)
        log.info("%s: %.1f s", file.getName(), answer.metadata.duration)
        if answer.metadata.stdout:
            log.debug(answer.metadata.stdout)
        return {"summary": answer.result, "tags": self.tagger.pipe(text).result, "words": len(text.split())}

    def run(self):
        day = self.folder("day")
        target = self.reports()
        found = {}
        for file in day.files():
            try:
                found[file.getName()] = self.about(file)
            except AlgorithmException as error:
                log.warning("%s: %s (%s)", file.getName(), error, error.error_type)
                self.failed.append(file.getName())
        today = datetime.now(UTC).date().isoformat()
        target.file(today + ".json").putJson(found)
        return found

    def archive(self):
        """Moves what was read out of the way, and forgets what is older than a month."""
        old = self.folder("old")
        for file in self.folder("day").files():
            if file.getName() in self.failed:
                continue
            with tempfile.NamedTemporaryFile() as copy:
                copy.write(file.getBytes())
                copy.flush()
                old.file(file.getName()).putFile(copy.name)
            file.delete()
        limit = datetime.now(UTC) - timedelta(days=31)
        for file in old.files():
            if file.last_modified < limit:
                file.delete()


def main():
    night = Night(os.environ["ALGORITHMIA_API_KEY"], os.environ.get("ALGORITHMIA_API"))
    try:
        ensure(night.client, "team/Nightly")
        print(len(night.run()), "files,", len(night.failed), "failed")
        night.archive()
        later = night.client.algo(TAGGER).set_options(output=OutputType.void).pipe("done")
        log.info("asked as %s", later.request_id)
    except DataApiError as error:
        print("a file is not there:", error)
    except ApiError as error:
        print("the service refuses it:", error)


if __name__ == "__main__":
    main()
