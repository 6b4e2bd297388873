-- Version 3 of record.db: whoever writes runs and outgoing events counts them as well, once
-- per commit (service/journal/counters.py). Only deleted rows are still counted by triggers.

DROP TRIGGER run_added;
DROP TRIGGER run_moved;
DROP TRIGGER run_settled;
DROP TRIGGER outgoing_added;
DROP TRIGGER outgoing_moved;
