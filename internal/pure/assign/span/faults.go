package span

import (
	"fmt"
	"strings"
)

// Fault is something wrong with a payload, where it is and what to do about it.
type Fault struct {
	Path string `json:"path"`
	What string `json:"what"`
}

func (f Fault) String() string {
	if f.Path == "" {
		return f.What
	}
	return f.Path + ": " + f.What
}

// MaxFaults is how many faults are kept; more are counted.
const MaxFaults = 100

// Faults are all that is wrong with a payload.
type Faults struct {
	List  []Fault
	Count int
}

// Add keeps a fault at a path.
func (f *Faults) Add(path, what string) {
	if f.Count++; len(f.List) < MaxFaults {
		f.List = append(f.List, Fault{path, what})
	}
}

// At keeps a fault at the place where the reader stands.
func (f *Faults) At(r *Reader, format string, args ...any) {
	if f.Count++; len(f.List) < MaxFaults {
		f.List = append(f.List, Fault{r.Path(), fmt.Sprintf(format, args...)})
	}
}

// Error is the first few faults in words.
func (f *Faults) Error() string {
	var b strings.Builder
	for i, one := range f.List {
		if i == 3 {
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(one.String())
	}
	if f.Count > 3 {
		fmt.Fprintf(&b, "; and %d more", f.Count-3)
	}
	return b.String()
}
