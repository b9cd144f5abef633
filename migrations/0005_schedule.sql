-- Schedules: how far each has been worked off, so that a tick runs once, whatever ends the host in between.

-- Of each schedule of each active revision, the latest time (seconds since 1970) that nothing is left to do for: that
-- of its last tick or, where it has had none yet, of the deployment that brought it. A host that moves it on is the
-- one that runs the tick.
CREATE TABLE schedule (
    function TEXT NOT NULL,
    cron TEXT NOT NULL,
    timezone TEXT NOT NULL,
    last_s INTEGER NOT NULL,
    PRIMARY KEY (function, cron, timezone)
) STRICT, WITHOUT ROWID;
