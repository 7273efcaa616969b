"""Takes the day's files, asks an algorithm about each, and leaves a report that the team may read."""

import Algorithmia as algorithmia
from Algorithmia.acl import AclType, ReadAcl
from Algorithmia.errors import AlgorithmException, DataApiError


class Night:
    def __init__(self, key, address=None):
        self.client = algorithmia.client(key, address)
        self.algo = self.client.algo("nlp/Summarizer/1.2.0")
        self.algo.set_options(timeout=300, stdout=True)

    def reports(self):
        folder = self.client.dir("data://.my/reports")
        if not folder.exists():
            folder.create(ReadAcl.private)
        acl = folder.get_permissions()
        if acl.read_acl == AclType.private:
            folder.update_permissions(ReadAcl.my_algos)
        return folder

    def run(self):
        folder = self.reports()
        for file in self.client.dir("data://.my/day").files():
            try:
                answer = self.algo.pipe(file.getString())
            except AlgorithmException as error:
                print(file.getName(), error)
                continue
            print(answer.metadata.duration)
            folder.file(file.getName()).putJson(answer.result)
        try:
            self.client.file("data://.my/reports/done").put("done")
        except DataApiError:
            print("the report is not there")
