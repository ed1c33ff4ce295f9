package capture

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// Shown is that a visitor got a value of a flag.
type Shown struct {
	App, Environment string
	// User is who is signed in; who is not is told by Anonymous.
	User, Anonymous string
	Flag            string
	Value           string // in JSON
}

// Key is the same for all that tell of the same visitor, flag and value on one day, in UTC, whoever tells it. A text counts by what it says: true and "true" are one value.
func (s Shown) Key(at time.Time) (k [16]byte) {
	visitor := "a\x00" + s.Anonymous
	if s.User != "" {
		visitor = "u\x00" + s.User
	}
	value := s.Value
	if len(value) > 1 && value[0] == '"' {
		value = unquoted(json.RawMessage(value))
	}
	h := sha256.New()
	for _, part := range []string{s.App, s.Environment, visitor, s.Flag, value, at.UTC().Format(time.DateOnly)} {
		h.Write([]byte(part))
		h.Write([]byte{0, 0xff}) // no text that is UTF-8 has these
	}
	copy(k[:], h.Sum(nil))
	return k
}

// ExposureID is the id of an exposure, in the place of its client's own: the same for whoever tells that a visitor got this value of the flag on this day.
func (e *Event) ExposureID() string {
	p, _ := members(e.Properties)
	k := Shown{e.App, e.Environment, e.User, e.Anonymous, e.Name, string(p.get("value"))}.Key(e.Time)
	return "exp_" + base64.RawURLEncoding.EncodeToString(k[:])
}

// viewed makes of Segment's "Experiment Viewed" what it is: an exposure to the experiment, which goes by the key that rules of flags have for it. One that does not say which experiment and which variation stays what it was.
func (e *Event) viewed() error {
	p, ok := members(e.Properties)
	if !ok {
		return nil
	}
	var flag, variation string
	var value json.RawMessage
	for _, name := range []string{"experiment_id", "experimentId", "experiment_name", "experimentName"} {
		if s, err := text(name, p.get(name)); err == nil && flag == "" {
			flag = s
		}
	}
	for _, name := range []string{"variation_id", "variationId", "variation_name", "variationName"} {
		if s, err := text(name, p.get(name)); err == nil && variation == "" {
			variation, value = s, p.get(name)
		}
	}
	if flag == "" || variation == "" {
		return nil
	}
	p.set("value", value)
	var err error
	e.Kind, e.Name = Exposure, flag
	e.Properties, err = p.rest("properties")
	return err
}
