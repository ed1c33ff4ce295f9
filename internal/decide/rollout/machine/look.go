package machine

import "time"

const (
	// lookEvery is how often a rollout that waits for its time is looked at, at least, so that it knows how long nobody did.
	lookEvery = 2 * time.Second
	// blind is how long nobody may have looked at a rollout before that time is taken for lost.
	blind = 5 * time.Second
	// catchUp is how long hosts and edges may take to tell what happened meanwhile, pauses between their tries included.
	catchUp = 6 * time.Second
)

// LookAt is when somebody should look at the rollout next; zero when only an event can move it.
func (m *Rollout) LookAt(now time.Time) time.Time {
	at := m.WakeAt()
	switch soon := m.Looked.Add(lookEvery); {
	case at.IsZero():
		return at
	case m.Looked.After(now.Add(blind)):
		return now // the clock was set back
	case soon.Before(at):
		return soon
	}
	return at
}

// Look notes that somebody looks at the rollout at now. Time in which nobody did is no watch: the server was down, or the machine stood still, or the clock was
// set. The rollout then goes on as if that time had not been.
func (m *Rollout) Look(now time.Time) {
	gap := now.Sub(m.Looked)
	switch {
	case m.Looked.IsZero():
	case gap < -blind:
		m.setBack(gap)
	case gap < 0:
		return // transactions overtook each other
	case gap > blind:
		m.missed(now, gap)
	}
	m.Looked = now
}

// Resume is Look by a server that has just started: however short it was down, edges and hosts may have more to tell than it knows.
func (m *Rollout) Resume(now time.Time) {
	if gap := now.Sub(m.Looked); !m.Looked.IsZero() && gap >= 0 && gap <= blind {
		m.missed(now, gap)
	}
	m.Look(now)
}

// missed gives the rollout the time that was lost, and edges and hosts the time to tell of it.
func (m *Rollout) missed(now time.Time, gap time.Duration) {
	switch m.State {
	case Staging, Starting:
		m.Since = m.Since.Add(gap)
	case Watching:
		if s := m.Current(); m.Judged() {
			s.Until = latest(s.Until.Add(gap), now.Add(catchUp))
		}
	}
}

// setBack moves the rollout's times with a clock that was set back by -gap.
func (m *Rollout) setBack(gap time.Duration) {
	m.Since = m.Since.Add(gap)
	if !m.SplitSince.IsZero() {
		m.SplitSince = m.SplitSince.Add(gap)
	}
	if m.Used != nil {
		m.Used.Slot = 0 // what is told of from now on has times of before
	}
	m.Controls.Shift(gap)
	for _, since := range []map[string]time.Time{m.UpSince, m.VisitorsSince} {
		for host, at := range since {
			since[host] = at.Add(gap)
		}
	}
	if len(m.Steps) > 0 && !m.Current().Until.IsZero() {
		m.Current().Until = m.Current().Until.Add(gap)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
