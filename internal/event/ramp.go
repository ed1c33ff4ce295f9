package event

// RampStarted: a flag's new value goes to some visitors from now on, and to more as long as they do no worse.
type RampStarted struct {
	Ramp string `json:"ramp"`
	Flag string `json:"flag"`
	Name string `json:"name"`
	// Share is that of the first step.
	Share  float64 `json:"share"`
	Reason string  `json:"reason,omitempty"`
}

// RampMoved: a ramp goes on with another share, is paused, held or resumed.
type RampMoved struct {
	Ramp string `json:"ramp"`
	Flag string `json:"flag"`
	Name string `json:"name"`
	// State is "watching", "paused" or "held".
	State string `json:"state"`
	// Step counts from 0.
	Step    int      `json:"step"`
	Share   float64  `json:"share"`
	Reasons []string `json:"reasons,omitempty"`
}

// RampEnded: all whom the ramp means have the new value, or nobody has, or somebody else changed the flag.
type RampEnded struct {
	Ramp string `json:"ramp"`
	Flag string `json:"flag"`
	Name string `json:"name"`
	// Outcome is "promoted", "returned" or "overtaken".
	Outcome string   `json:"outcome"`
	Reasons []string `json:"reasons,omitempty"`
}

// The types.
func (RampStarted) EventType() Type { return "ramp.started" }
func (RampMoved) EventType() Type   { return "ramp.moved" }
func (RampEnded) EventType() Type   { return "ramp.ended" }

func (RampStarted) EventVersion() int { return 1 }
func (RampMoved) EventVersion() int   { return 1 }
func (RampEnded) EventVersion() int   { return 1 }
