"""record_vote.py VOTER a|b: the voter's vote is in the database when this ends with 0.

May be run twice, or late: one row per voter, and the vote that was cast last (VOTED_AT, Unix milliseconds) stays.
"""

import os
import subprocess
import sys
import time

# One message to the server (that is what \\; does), so one transaction. The lock lets one of several first votes make the table.
SQL = r"""
SET LOCAL client_min_messages = warning \;
SELECT pg_advisory_xact_lock(20152015) \;
CREATE TABLE IF NOT EXISTS votes (
  voter text PRIMARY KEY,
  choice text NOT NULL CHECK (choice IN ('a', 'b')),
  voted_at bigint NOT NULL,
  run text NOT NULL
) \;
INSERT INTO votes (voter, choice, voted_at, run)
  VALUES (:'voter', :'choice', :'voted_at'::bigint, :'run')
  ON CONFLICT (voter) DO UPDATE
    SET choice = excluded.choice, voted_at = excluded.voted_at, run = excluded.run
    WHERE votes.voted_at <= excluded.voted_at;
"""

NO_CONNECTION = 2  # psql's exit code: the database may still be booting
ATTEMPTS = 40


def record(voter: str, choice: str) -> int:
    values = {
        "ON_ERROR_STOP": "1",
        "voter": voter,
        "choice": choice,
        "run": os.environ.get("MINKE_RUN", ""),
        "voted_at": os.environ.get("VOTED_AT", "0"),
    }
    options = [f"--variable={name}={value}" for name, value in values.items()]
    quiet = ["--no-psqlrc", "--quiet", "--tuples-only", "--output=/dev/null"]
    return subprocess.run(["psql", *quiet, *options], input=SQL, text=True, check=False).returncode


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or not arguments[0]:
        print("Usage: record_vote.py VOTER a|b", file=sys.stderr)
        return 64
    voter, choice = arguments
    if choice not in ("a", "b"):
        print(f'record-vote: the vote is "{choice}", not a or b', file=sys.stderr)
        return 65
    for attempt in range(1, ATTEMPTS + 1):
        status = record(voter, choice)
        if status == 0:
            print(f"{voter} voted {choice}")
            return 0
        if status != NO_CONNECTION:
            break
        time.sleep(0.25)
    print(f"record-vote: gave up after {attempt} attempts, psql ended with {status}", file=sys.stderr)
    return 1


sys.exit(main(sys.argv[1:]))
