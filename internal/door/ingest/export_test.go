package ingest

import "time"

// SettleAfter shortens the wait for what the log may still take.
func (e *Events) SettleAfter(d time.Duration) { e.settleAfter = d }

// BodyTime shortens the time that a body may take to come.
func (e *Events) BodyTime(d time.Duration) { e.bodyTime = d }

// Clock gives the door another time.
func (e *Events) Clock(now func() time.Time) { e.now = now }

// MostHeld bounds the bytes of bodies under way.
func (e *Events) MostHeld(n int64) { e.held.most.Store(n) }

// Held is how many they are.
func (e *Events) Held() int64 { return e.held.now.Load() }

// MostDoubts bounds the ids that are in doubt.
func (e *Events) MostDoubts(n int) { e.doubts.most = n }

// InDoubt is how many they are.
func (e *Events) InDoubt() int {
	e.doubts.mu.Lock()
	defer e.doubts.mu.Unlock()
	return e.doubts.ids
}
