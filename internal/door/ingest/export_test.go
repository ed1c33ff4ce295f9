package ingest

import "time"

// SettleAfter shortens the wait for what the log may still take.
func (e *Events) SettleAfter(d time.Duration) { e.settleAfter = d }
