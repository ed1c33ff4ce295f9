package event

// SourceCreated: events may come in with a new write key from now on. The key itself is not told: who knows it can send.
type SourceCreated struct {
	Source string `json:"source"`
	Name   string `json:"name"`
}

// SourceChanged: a source's write key is another one from now on, or takes events no more, or again.
type SourceChanged struct {
	Source string `json:"source"`
	Name   string `json:"name"`
	// Change is "key", "stopped" or "resumed".
	Change string `json:"change"`
	Reason string `json:"reason,omitempty"`
}

// The types.
func (SourceCreated) EventType() Type { return "source.created" }
func (SourceChanged) EventType() Type { return "source.changed" }

func (SourceCreated) EventVersion() int { return 1 }
func (SourceChanged) EventVersion() int { return 1 }

// CollectionChanged: what is kept of an app's events, and how long, is as this says from now on.
type CollectionChanged struct {
	// KeepDays is 0 for ever. IP is "truncate", "full" or "none".
	KeepDays int    `json:"keep_days"`
	IP       string `json:"ip"`
	// Hidden are the names that are never stored.
	Hidden   []string `json:"hidden,omitempty"`
	Revision int64    `json:"revision"`
	Reason   string   `json:"reason,omitempty"`
}

func (CollectionChanged) EventType() Type   { return "collection.changed" }
func (CollectionChanged) EventVersion() int { return 1 }

// UserForgotten: all events of a user are removed, and those that were received before are not stored again. This names them, since what names nobody could leave nobody out.
type UserForgotten struct {
	User string `json:"user"`
	// Suppressed: what comes of them from now on is not taken.
	Suppressed bool   `json:"suppressed"`
	Reason     string `json:"reason,omitempty"`
}

// SuppressionLifted: events of a user are taken again.
type SuppressionLifted struct {
	User   string `json:"user"`
	Reason string `json:"reason,omitempty"`
}

func (UserForgotten) EventType() Type       { return "user.forgotten" }
func (SuppressionLifted) EventType() Type   { return "suppression.lifted" }
func (UserForgotten) EventVersion() int     { return 1 }
func (SuppressionLifted) EventVersion() int { return 1 }

// PlanChanged: events are checked against another plan from now on.
type PlanChanged struct {
	// Mode is "observe", "warn" or "reject"; Events is how many are planned.
	Mode     string `json:"mode"`
	Events   int    `json:"events"`
	Revision int64  `json:"revision"`
	Reason   string `json:"reason,omitempty"`
	// Release whose repository declares the plan; empty for one that people set.
	Release string `json:"release,omitempty"`
	// Beside counts the plans of releases under way: while they are, what one of them allows is as planned.
	Beside int `json:"beside,omitempty"`
}

func (PlanChanged) EventType() Type   { return "plan.changed" }
func (PlanChanged) EventVersion() int { return 1 }
