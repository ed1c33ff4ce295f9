package flag

import (
	"encoding/json"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/waffle"
)

// Kind is what a flag is. Names are one within an app and a kind.
type Kind string

// The kinds.
const (
	Rules  Kind = "flag"   // a value by rules, or on for whom its audience means
	Switch Kind = "switch" // on or off for all
	Sample Kind = "sample" // on for a share of the questions, drawn anew each time
)

// Flag is one flag, in all environments.
type Flag struct {
	ID   string `json:"id"`
	App  string `json:"app"`
	Kind Kind   `json:"kind" enum:"flag,switch,sample" doc:"flag: a value by rules, or on for an audience; switch: on or off for all; sample: on for a share of the questions, drawn anew each time"`
	Name string `json:"name"`
	About
	States     map[string]State `json:"states" nullable:"false" doc:"By environment. Where there is none, it is off"`
	CreatedAt  time.Time        `json:"created_at"`
	CreatedBy  string           `json:"created_by"`
	ChangedAt  time.Time        `json:"changed_at" doc:"When it was changed last, anywhere"`
	ChangedBy  string           `json:"changed_by"`
	ArchivedAt time.Time        `json:"archived_at,omitzero" doc:"Since when it is out of use"`
	Revision   int64            `json:"-"` // of About
}

// About is what is said of a flag, the same in all environments.
type About struct {
	Description string   `json:"description,omitempty" maxLength:"2000"`
	Owner       string   `json:"owner,omitempty" maxLength:"100" doc:"Who is asked about it; a person or a team"`
	Tags        []string `json:"tags,omitempty" maxItems:"20"`
	Type        string   `json:"type,omitempty" enum:"boolean,string,number,json" doc:"What its values are; boolean unless another is set"`
	Server      bool     `json:"server_only,omitempty" doc:"Only keys of servers are told of it"`
	Permanent   bool     `json:"permanent,omitempty" doc:"Never stale"`
	StaleDays   int      `json:"stale_days,omitempty" minimum:"0" maximum:"3650" doc:"Stale after so many days without a change; 0: as long as is usual"`
}

// State is what a flag is in one environment.
type State struct {
	On       bool            `json:"on" doc:"The switch that everything else stands behind"`
	Off      json.RawMessage `json:"off,omitempty" doc:"The value while it is off; false, or null where values are not booleans"`
	Default  json.RawMessage `json:"default,omitempty" doc:"The value where no rule decides, while it is on; true where it has no rules"`
	Rules    json.RawMessage `json:"rules,omitempty" doc:"Rules in GrowthBook's form, asked from the first to the last"`
	Audience *Audience       `json:"audience,omitempty" doc:"Whom it is on for, in django-waffle's words; in the place of rules"`
	Percent  float64         `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"Of a sample: the share of the questions"`

	ChangedAt time.Time `json:"changed_at,omitzero" readOnly:"true"`
	ChangedBy string    `json:"changed_by,omitempty" readOnly:"true"`
	Revision  int64     `json:"revision,omitempty" readOnly:"true" doc:"Counts its changes in this environment"`
}

// Audience is whom a flag is on for, by the rules of django-waffle: see package waffle.
type Audience struct {
	Everyone      *bool    `json:"everyone,omitempty" doc:"On or off for all, whatever else is set"`
	Percent       float64  `json:"percent,omitempty" minimum:"0" maximum:"99.9" doc:"Of the visitors, with one place behind the point"`
	Testing       bool     `json:"testing,omitempty" doc:"A visitor may switch it: ?dwft_NAME=1, or the header dwft-NAME"`
	Superusers    bool     `json:"superusers,omitempty"`
	Staff         bool     `json:"staff,omitempty"`
	Authenticated bool     `json:"authenticated,omitempty" doc:"Whoever is signed in"`
	Languages     []string `json:"languages,omitempty" maxItems:"200"`
	Groups        []string `json:"groups,omitempty" maxItems:"1000"`
	Users         []string `json:"users,omitempty" maxItems:"10000"`
	Rollout       bool     `json:"rollout,omitempty" doc:"Who was not drawn is drawn again in the next session"`
	Note          string   `json:"note,omitempty" maxLength:"2000"`
}

// flag is the audience as package waffle asks it. The salt places people who are signed in, the same on all of their devices.
func (a *Audience) flag(name, salt string) *waffle.Flag {
	f := &waffle.Flag{
		Name: name, Everyone: a.Everyone, Percent: a.Percent, Testing: a.Testing, Superusers: a.Superusers, Staff: a.Staff, Authenticated: a.Authenticated,
		Languages: a.Languages, Groups: a.Groups, Rollout: a.Rollout, Salt: salt, Users: make(map[string]bool, len(a.Users)),
	}
	for _, u := range a.Users {
		f.Users[u] = true
	}
	return f
}

// Group is a list of visitors, or a condition, that rules name by its id.
type Group struct {
	ID         string          `json:"id" doc:"By which rules name it"`
	Definition json.RawMessage `json:"definition" doc:"A list of values; or {\"type\": \"condition\", \"condition\": {…}}; or {\"type\": \"list\", \"attributeKey\": \"id\", \"values\": […]}"`
	Note       string          `json:"note,omitempty" maxLength:"2000"`
	ChangedAt  time.Time       `json:"changed_at"`
	ChangedBy  string          `json:"changed_by"`
	Revision   int64           `json:"-"`
}

// Key is what a client sends to be told of flags.
type Key struct {
	ID          string    `json:"id"`
	App         string    `json:"app"`
	Environment string    `json:"environment"`
	Name        string    `json:"name"`
	Key         string    `json:"key"`
	Kind        string    `json:"kind" enum:"server,client" doc:"server: all flags; client, which everybody can read in a browser: only those that are not for servers alone"`
	Remote      bool      `json:"remote,omitempty" doc:"Its clients are told values, never rules: they ask for each visitor"`
	Encryption  string    `json:"encryption,omitempty" doc:"The AES key, in base64, that payloads are encrypted with; empty where they are not"`
	Stopped     bool      `json:"stopped,omitempty" doc:"Tells nothing"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"`
}

// Change is what became of a flag, once.
type Change struct {
	ID          string    `json:"id"`
	Environment string    `json:"environment,omitempty" doc:"Empty for what is said of the flag everywhere"`
	At          time.Time `json:"at"`
	By          string    `json:"by"`
	How         string    `json:"how" enum:"created,edited,restored,planned,plan_failed,archived,brought_back,ramped,applied"`
	Reason      string    `json:"reason,omitempty"`
	Before      *State    `json:"before,omitempty"`
	After       *State    `json:"after,omitempty"`
	Words       string    `json:"words" doc:"What changed, in one line"`
	Revision    int64     `json:"revision,omitempty" doc:"Of the state, after the change"`
	unchecked   bool      // the caller checks, when all of its changes are there
}
