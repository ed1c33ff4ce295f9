package proc

import (
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Spec is a command to start.
type Spec struct {
	// Command is given to sh -c.
	Command string
	// Dir is where it runs.
	Dir string
	// Env is its whole environment, as NAME=value; see Environ.
	Env []string
	// Output takes what it prints. An *os.File is handed to the process itself, so that it outlives the agent; anything else is fed through a pipe,
	// by one goroutine. Nil drops it.
	Output io.Writer
	// Keepers start the command below one of them: more than its group ends with it, and with this program. Tied, Held and Linger then mean nothing.
	Keepers *Keepers
	// View is what a command below a keeper sees of the files.
	View View
	// Tied ends the group when this program ends, however it does.
	Tied bool
	// Held starts the command only at Release, so that its Ident can be written down before it does anything. If this program ends first, it never starts.
	Held bool
	// Linger is how long the rest of the group may live on once the command itself has ended. Zero kills it at once.
	Linger time.Duration
}

// Environ gives PATH, HOME, TMPDIR and LANG of this program with given (NAME=value) added; later ones win. Nothing else is passed on.
func Environ(given ...string) []string {
	values := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, name := range [...]string{"PATH", "HOME", "TMPDIR", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			values[name] = value
		}
	}
	for _, entry := range given {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			values[name] = value
		}
	}
	env := make([]string, 0, len(values))
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}
