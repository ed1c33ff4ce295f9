package manifest

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as in the file: "1m30s".
type Duration struct{ time.Duration }

// Every returns d as a Duration.
func Every(d time.Duration) Duration { return Duration{d} }

// Learned is the settle time that is learned from earlier rollouts, written "learned".
const Learned time.Duration = -1

// MarshalText writes the notation of the file.
func (d Duration) MarshalText() ([]byte, error) {
	if d.Duration == Learned {
		return []byte("learned"), nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads the notation of the file.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	if string(text) == "learned" {
		d.Duration = Learned
		return nil
	}
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// Share is a fraction in [0, 1], written as a percentage: "12.5%".
type Share float64

// String writes the share as a percentage.
func (s Share) String() string {
	return strconv.FormatFloat(math.Round(float64(s)*1e8)/1e6, 'f', -1, 64) + "%"
}

// MarshalText writes the notation of the file.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the notation of the file.
func (s *Share) UnmarshalText(text []byte) error {
	number, isPercentage := strings.CutSuffix(string(text), "%")
	percent, err := parseNumber(number)
	if !isPercentage || err != nil || percent < 0 || percent > 100 {
		return fmt.Errorf("%q is not a share; write a percentage such as 10%%", text)
	}
	*s = Share(math.Round(percent*1e6) / 1e8)
	return nil
}

// Ratio is a factor, written "2x".
type Ratio float64

// String writes the ratio with its x.
func (r Ratio) String() string { return strconv.FormatFloat(float64(r), 'f', -1, 64) + "x" }

// MarshalText writes the notation of the file.
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the notation of the file, with or without the x.
func (r *Ratio) UnmarshalText(text []byte) error {
	factor, err := parseNumber(strings.TrimSuffix(string(text), "x"))
	if err != nil {
		return fmt.Errorf("%q is not a ratio; write a factor such as 2x", text)
	}
	*r = Ratio(factor)
	return nil
}

// Rate is so many a day, week, month or year, written "1 a month".
type Rate struct {
	Count float64 // above 0
	Per   string  // day, week, month or year
}

// daysIn holds the periods of a Rate. A month is a twelfth of a year.
func daysIn(period string) float64 {
	switch period {
	case "day":
		return 1
	case "week":
		return 7
	case "month":
		return 365.25 / 12
	case "year":
		return 365.25
	}
	return 0
}

// PerDay returns the rate a day; 0 for the zero Rate.
func (r Rate) PerDay() float64 {
	days := daysIn(r.Per)
	if days == 0 {
		return 0
	}
	return r.Count / days
}

// String writes the rate as in the file.
func (r Rate) String() string {
	return strconv.FormatFloat(r.Count, 'f', -1, 64) + " a " + r.Per
}

// MarshalText writes the notation of the file.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads "1 a month" and "1 per month".
func (r *Rate) UnmarshalText(text []byte) error {
	words := strings.Fields(string(text))
	if len(words) == 3 && (words[1] == "a" || words[1] == "per") && daysIn(words[2]) > 0 {
		if count, err := parseNumber(words[0]); err == nil && count > 0 {
			*r = Rate{Count: count, Per: words[2]}
			return nil
		}
	}
	return fmt.Errorf(`%q is not a rate; write a number and a period such as "1 a month" (day, week, month or year)`, text)
}

// parseNumber reads a plain decimal number: no exponent, sign, infinity or hex.
func parseNumber(s string) (float64, error) {
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return strconv.ParseFloat(s, 64)
}

// vitalObject is how a vital on an event, a counter or a query is written.
type vitalObject struct {
	Event      string    `json:"event,omitempty"`
	Counter    string    `json:"counter,omitempty"`
	Prometheus string    `json:"prometheus,omitempty"`
	Name       string    `json:"name,omitempty"` // of a query
	Per        string    `json:"per,omitempty"`
	Bad        Direction `json:"bad"`
	Weight     float64   `json:"weight"`
}

// MarshalJSON writes a built-in vital as its name and another as an object.
func (v Vital) MarshalJSON() ([]byte, error) {
	if v.Event == "" && v.Counter == "" && v.Prometheus == "" {
		return json.Marshal(v.Name)
	}
	o := vitalObject{Event: v.Event, Counter: v.Counter, Prometheus: v.Prometheus, Per: v.Per, Bad: v.Bad, Weight: v.Weight}
	if v.Prometheus != "" {
		o.Name = v.Name
	}
	return json.Marshal(o)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Vital) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*v = Vital{Weight: 1}
		return json.Unmarshal(text, &v.Name)
	}
	var o vitalObject
	if err := json.Unmarshal(text, &o); err != nil {
		return fmt.Errorf("read a vital: %w", err)
	}
	*v = Vital{Name: o.Event + o.Counter + o.Name, Event: o.Event, Counter: o.Counter, Prometheus: o.Prometheus, Per: o.Per, Bad: o.Bad, Weight: o.Weight} // one of the three
	return nil
}
