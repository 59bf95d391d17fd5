"""A store in memory, for tests of the cache."""


class MemoryFiles:
    def __init__(self):
        self.contents: dict[str, bytes] = {}
        self.reads = 0

    def create(self, path, content):
        if path in self.contents:
            return False
        self.contents[path] = content
        return True

    def read(self, path):
        self.reads += 1
        return self.contents[path]

    def list(self, prefix):
        return [path for path in self.contents if path.startswith(prefix)]
