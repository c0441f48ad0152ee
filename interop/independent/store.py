"""What a bimip.v1 device keeps: epoch, `seen`, rows, open drafts. sqlite, on disk or in memory."""

import sqlite3


class Store:
    def __init__(self, path=":memory:"):
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.executescript("""
            create table if not exists state(name text primary key, value text);
            create table if not exists rows(epoch text, offset integer, part integer, frame blob,
                primary key(epoch, offset, part));
            create table if not exists outbox(n integer primary key autoincrement, id text unique, frame blob);
        """)
        got = dict(self.db.execute("select name, value from state"))
        self.epoch, self.seen = int(got.get("epoch", 0)), int(got.get("seen", 0))

    def position(self, epoch, seen):
        self.epoch, self.seen = epoch, seen
        with self.db:
            self.db.execute("replace into state values('epoch', ?), ('seen', ?)", (str(epoch), str(seen)))

    def row(self, offset, frames):
        """Rows and position in one transaction: what is stored is seen, what is seen is stored."""
        with self.db:
            self.db.executemany(
                "replace into rows values(?, ?, ?, ?)",
                [(str(self.epoch), offset, i, f) for i, f in enumerate(frames)],
            )
            self.db.execute("replace into state values('seen', ?)", (str(offset),))
        self.seen = offset

    def rows(self):
        return self.db.execute(
            "select offset, part, frame from rows where epoch = ? order by offset, part", (str(self.epoch),)
        ).fetchall()

    def draft(self, id, frame):
        with self.db:
            self.db.execute("insert or ignore into outbox(id, frame) values(?, ?)", (id, frame))

    def drafts(self):
        return self.db.execute("select id, frame from outbox order by n").fetchall()

    def draft_of(self, id):
        row = self.db.execute("select frame from outbox where id = ?", (id,)).fetchone()
        return row[0] if row else None

    def settled(self, id):
        with self.db:
            self.db.execute("delete from outbox where id = ?", (id,))
