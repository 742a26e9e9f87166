#!/bin/sh
# record-vote VOTER a|b: the voter's vote is in the database when this ends with 0.
#
# May be run twice, or late: one row per voter, and the vote that was cast last (VOTED_AT, Unix milliseconds) stays. That
# makes the effect happen once however often the run is tried. MINKE_RUN is stored beside it, to tell who wrote the row.
set -u

voter=${1-} choice=${2-}
if [ $# -ne 2 ] || [ -z "$voter" ]; then
  echo 'Usage: record-vote VOTER a|b' >&2
  exit 64
fi
case $choice in
  a | b) ;;
  *) echo "record-vote: the vote is \"$choice\", not a or b" >&2; exit 65 ;;
esac

# One message to the server (that is what \; does), so one transaction: all or nothing. The lock lets one of several first
# votes make the table; "if not exists" alone can fail when two try at once.
record() {
  psql -X -q -A -t -o /dev/null -v ON_ERROR_STOP=1 \
    -v voter="$voter" -v choice="$choice" -v run="${MINKE_RUN-}" -v voted_at="${VOTED_AT-0}" <<'SQL'
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
SQL
}

# 2 is psql's word for "no connection": the database may still be booting.
attempt=1
until record; do
  status=$?
  if [ $status -ne 2 ] || [ $attempt -ge 40 ]; then
    echo "record-vote: gave up after $attempt attempts, psql ended with $status" >&2
    exit 1
  fi
  attempt=$((attempt + 1))
  sleep 0.25
done
echo "$voter voted $choice"
