class Response:
    def __init__(self, status_code):
        self.status_code = status_code


class InvalidStatus(Exception):
    def __init__(self, status):
        super().__init__(f"HTTP {status}")
        self.response = Response(status)
