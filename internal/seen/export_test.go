package seen

import "time"

// LastSettle shortens how long the end of Run waits for calls.
func (x *Index) LastSettle(d time.Duration) { x.lastSettle = d }

// SettleEvery shortens how long Run waits between two Settles.
func (x *Index) SettleEvery(d time.Duration) { x.settleEvery = d }
