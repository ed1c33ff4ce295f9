package proc

import (
	"fmt"
	"strings"
)

// Isolation says how far commands below keepers are kept apart from the machine.
type Isolation string

// The kinds of isolation.
const (
	// Auto is Namespaces where the kernel allows them, and else Processes.
	Auto Isolation = "auto"
	// Namespaces gives each command its own view of files and processes, or nothing starts.
	Namespaces Isolation = "namespaces"
	// Processes only sees to it that all that comes of a command ends with it.
	Processes Isolation = "processes"
)

// ParseIsolation reads one of the kinds; empty is Auto.
func ParseIsolation(text string) (Isolation, error) {
	switch kind := Isolation(text); kind {
	case "":
		return Auto, nil
	case Auto, Namespaces, Processes:
		return kind, nil
	}
	return "", fmt.Errorf("%q is no isolation: choose from %s, %s, %s", text, Auto, Namespaces, Processes)
}

// Walls are the kernel's namespaces that a command gets of its own.
type Walls struct {
	// Users: it is nobody but the agent's user, and can become nobody else. Only this gives the other two to whoever is not privileged.
	Users bool
	// Mounts: folders can be hidden from it.
	Mounts bool
	// PIDs: it sees its own processes only, and all of them end with the first.
	PIDs bool
}

// String names them.
func (w Walls) String() string {
	var names []string
	for _, wall := range []struct {
		up   bool
		name string
	}{{w.Users, "users"}, {w.Mounts, "mounts"}, {w.PIDs, "processes"}} {
		if wall.up {
			names = append(names, wall.name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// ladder gives what to try, the best first. Who may arrange namespaces as it is (admin) needs none of users. Root without that right does not get one either: what root can
// do in a namespace of users is less than tests as root are used to. An ordinary user loses only the way to become somebody else.
func ladder(want Isolation, root, admin bool) []Walls {
	var steps []Walls
	if want != Processes && (admin || !root) {
		steps = append(steps, Walls{Users: !admin, Mounts: true, PIDs: true}, Walls{Users: !admin, Mounts: true})
	}
	if want != Namespaces {
		steps = append(steps, Walls{})
	}
	return steps
}

// View is what a command sees of the machine's files where it has Mounts of its own. All paths are absolute.
type View struct {
	// Hide are folders that it finds empty, and cannot write to.
	Hide []string `json:"hide,omitempty"`
	// Keep are folders and files below these that it sees all the same.
	Keep []string `json:"keep,omitempty"`
	// Read are others that it sees but cannot change.
	Read []string `json:"read,omitempty"`
}
