package expose

// Half makes less be remembered.
func (x *Exposures) Half(n int) { x.half = n }

// Remembered is how many are.
func (x *Exposures) Remembered() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.told) + len(x.before)
}

// MostQueued is how many may wait for the log.
const MostQueued = mostQueued
