package event

// FlagCreated: there is a flag, switch or sample from now on; it is off until a FlagChanged says otherwise.
type FlagCreated struct {
	Flag string `json:"flag"`
	Name string `json:"name"`
	// Kind is "flag", "switch" or "sample".
	Kind   string `json:"kind"`
	Reason string `json:"reason,omitempty"`
}

// FlagChanged: a flag is another one from now on, in the envelope's environment, or everywhere where that is empty.
type FlagChanged struct {
	Flag string `json:"flag"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	// On tells whether it is on in the environment, after the change.
	On bool `json:"on"`
	// How is "edited", "restored", "planned", "archived", "brought_back", "ramped" or "applied".
	How string `json:"how"`
	// Words are the change in one line.
	Words string `json:"words"`
	// Revision is that of the state in the environment.
	Revision int64  `json:"revision,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// FlagGroupChanged: a group of visitors that flags name is another one from now on, or is gone.
type FlagGroupChanged struct {
	Group string `json:"group"`
	// Change is "set" or "removed".
	Change string `json:"change"`
	Reason string `json:"reason,omitempty"`
}

// FlagsConfigured: what an app wants of its flags is as this says from now on.
type FlagsConfigured struct {
	// Approvals are the environments where a change needs somebody else's.
	Approvals []string `json:"approvals,omitempty"`
	Revision  int64    `json:"revision"`
	Reason    string   `json:"reason,omitempty"`
}

// FlagKeyChanged: clients are told of flags by a key from now on, or by another one, or no more. The key itself is not told.
type FlagKeyChanged struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	// Kind is "server" or "client".
	Kind string `json:"kind"`
	// Change is "created", "turned", "stopped" or "resumed".
	Change string `json:"change"`
	Reason string `json:"reason,omitempty"`
}

// FlagPlanned: a change of a flag is to be made later, or when somebody else has looked at it.
type FlagPlanned struct {
	Plan string `json:"plan"`
	Flag string `json:"flag"`
	Name string `json:"name"`
	// Words are the change in one line.
	Words string `json:"words"`
	// Status is "waiting" for an approval, or "approved".
	Status string `json:"status"`
	// Wall and Zone say when it is to be made; empty: as soon as it is approved.
	Wall   string `json:"wall,omitempty"`
	Zone   string `json:"zone,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// FlagPlanEnded: a planned change was made, or never will be.
type FlagPlanEnded struct {
	Plan string `json:"plan"`
	Flag string `json:"flag"`
	Name string `json:"name"`
	// Status is "done", "refused", "withdrawn" or "failed".
	Status string `json:"status"`
	Said   string `json:"said,omitempty"`
}

// The types.
func (FlagCreated) EventType() Type      { return "flag.created" }
func (FlagChanged) EventType() Type      { return "flag.changed" }
func (FlagGroupChanged) EventType() Type { return "group.changed" }
func (FlagKeyChanged) EventType() Type   { return "key.changed" }
func (FlagsConfigured) EventType() Type  { return "flags.configured" }
func (FlagPlanned) EventType() Type      { return "change.planned" }
func (FlagPlanEnded) EventType() Type    { return "change.settled" }

func (FlagCreated) EventVersion() int      { return 1 }
func (FlagChanged) EventVersion() int      { return 1 }
func (FlagGroupChanged) EventVersion() int { return 1 }
func (FlagKeyChanged) EventVersion() int   { return 1 }
func (FlagsConfigured) EventVersion() int  { return 1 }
func (FlagPlanned) EventVersion() int      { return 1 }
func (FlagPlanEnded) EventVersion() int    { return 1 }
