package canary

// Action is what a judge wants done.
type Action int

// The actions.
const (
	GoOn Action = iota
	RollBack
	Hold // the split is wrong or a host is broken: do not judge the release
)

// Opinion is the answer of one look.
type Opinion struct {
	Action Action
	// Evidence grows with the suspicion, on a scale of the judge's own: it rolls back when this exceeds some threshold. So judges can
	// be compared at thresholds that give them the same rate of false rollbacks. -Inf when there is none.
	Evidence float64
}

// Verdict is what is said of a rollout that was not rolled back.
type Verdict int

// The verdicts at the end.
const (
	Promoted Verdict = iota // no objection, whatever was seen
	Healthy                 // harm is excluded
	Unknown                 // it cannot be told
)

// Judge judges one rollout after the other; Begin forgets the one before. It is used by one goroutine.
type Judge interface {
	Begin(*Setting, *Window)
	// Observe is called for each tick when it arrives, which is in order unless data are late.
	Observe(*Tick)
	// Look is called every Setting.Every seconds with the seconds since the switch, after the ticks that have arrived by then.
	Look(second int) Opinion
	End() Verdict
}

// Maker makes judges of one kind.
type Maker struct {
	Name string
	// Every is how often the judge looks when it is used as its makers advise, in seconds; a multiple of the tick.
	Every int
	// EValue: the evidence is the logarithm of an e-value. 1/alpha is its threshold at any alpha, so that the judge itself rolls nothing back, and one, made for the largest alpha, serves
	// all of them.
	EValue bool
	// New makes one that rolls back at most the fraction alpha of harmless releases, if it knows how to.
	New func(alpha float64) Judge
}
