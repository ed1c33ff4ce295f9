package waffle

import (
	"errors"
	"fmt"
	"math"
)

// MaxName is how long a name may be.
const MaxName = 100

// Switch is on or off for all.
type Switch struct {
	Name   string
	Active bool
}

// Sample is on for some questions: each draws anew.
type Sample struct {
	Name    string
	Percent float64 // of the questions, 0.0 to 100.0
}

// Active tells whether a draw, from 0 to 100, is within the sample.
func (s Sample) Active(draw float64) bool { return s.Percent > 0 && draw <= s.Percent }

// Check says what is wrong with the sample.
func (s Sample) Check() error { return check(s.Name, s.Percent, 100) }

// Check says what is wrong with the flag.
func (f *Flag) Check() error { return check(f.Name, f.Percent, 99.9) }

// Check says what is wrong with the switch.
func (s Switch) Check() error { return check(s.Name, 0, 0) }

func check(name string, percent, most float64) error {
	switch {
	case name == "":
		return errors.New("a name is missing")
	case len([]rune(name)) > MaxName:
		return fmt.Errorf("the name has %d characters; %d are allowed", len([]rune(name)), MaxName)
	case !(percent >= 0 && percent <= most):
		return fmt.Errorf("the percentage is %v; it may be from 0.0 to %.1f", percent, most)
	case math.Abs(percent*10-math.Round(percent*10)) > 1e-9:
		return fmt.Errorf("the percentage is %v; it has one place behind the point", percent)
	}
	return nil
}
