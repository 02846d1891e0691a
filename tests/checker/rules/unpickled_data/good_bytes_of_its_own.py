import pickle


class Job:
    def __init__(self, work) -> None:
        self.get_object = pickle.dumps(work)

    def run(self) -> None:
        pickle.loads(self.get_object)()
