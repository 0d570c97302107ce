"""Pure classes over a clock: mailbox, scheduler, pacer, statistics, supervision."""
