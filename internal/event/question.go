package event

// QuestionSaved: a question about an app's events has a name from now on, or is another one under its name.
type QuestionSaved struct {
	Question string `json:"question"`
	Name     string `json:"name"`
	// Kind is "sql", "trend", "funnel" or "retention".
	Kind string `json:"kind"`
	// Revision is 1 for a new one.
	Revision int64  `json:"revision"`
	Reason   string `json:"reason,omitempty"`
}

// QuestionRemoved: a saved question is there no more.
type QuestionRemoved struct {
	Question string `json:"question"`
	Name     string `json:"name"`
	Reason   string `json:"reason,omitempty"`
}

func (QuestionSaved) EventType() Type   { return "question.saved" }
func (QuestionRemoved) EventType() Type { return "question.removed" }

func (QuestionSaved) EventVersion() int   { return 1 }
func (QuestionRemoved) EventVersion() int { return 1 }
