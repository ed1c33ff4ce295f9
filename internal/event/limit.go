package event

// LimitChanged: a limit is another one from now on, or one of its keys has another amount.
type LimitChanged struct {
	// Group is what the limit is for.
	Group string `json:"group"`
	// Change is "created", "changed" or "removed"; of a single key "overridden", "lifted" or "forgotten"; of a domain of Envoy's descriptors, which is the group then, "described" or "undescribed".
	Change string `json:"change"`
	// Key is the whole group that an override is for, or that begins at nothing.
	Key string `json:"key,omitempty"`
	// Words are the limit in one line.
	Words    string `json:"words,omitempty"`
	Revision int64  `json:"revision,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// LimitNeared: a key came near its limit, or was denied. It is told at most once an hour for each.
type LimitNeared struct {
	Group string `json:"group"`
	Key   string `json:"key"`
	// Denied is how many asks were denied in the minute, and Near how many came near the limit.
	Denied int64 `json:"denied"`
	Near   int64 `json:"near"`
}

// The types.
func (LimitChanged) EventType() Type { return "limit.changed" }
func (LimitNeared) EventType() Type  { return "limit.neared" }

func (LimitChanged) EventVersion() int { return 1 }
func (LimitNeared) EventVersion() int  { return 1 }
