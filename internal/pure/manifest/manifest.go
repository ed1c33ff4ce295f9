package manifest

// Filename is the name of the manifest, at the root of the repository.
const Filename = ".slipway.yaml"

// Manifest is a whole, valid .slipway.yaml with its defaults filled in.
type Manifest struct {
	// App names the application: ^[a-z][a-z0-9-]{0,39}$.
	App string `json:"app"`
	// Tests are run for every commit, in no particular order. May be empty.
	Tests []Test `json:"test,omitempty"`
	// Package makes the artifact. Its Path is empty if nothing is shipped.
	Package Package `json:"package,omitzero"`
	// Processes by name. "web" is the one that gets visitors.
	Processes map[string]Process `json:"processes,omitempty"`
	// Environments by name. Never empty; no two have the same branch.
	Environments map[string]Environment `json:"environments"`
	// Rollout says how a release gets to everyone, and what brings it back.
	Rollout Rollout `json:"rollout"`
	// Assets are path prefixes ("/assets/") of files with a hash in their
	// name: the edge serves them from both releases while two are out.
	Assets []string `json:"assets,omitempty"`
	// Events says where the tracking plan is, if the repository has it; nil if
	// it is left to people.
	Events *Events `json:"events,omitempty"`

	// Warnings are about what was accepted but does not (yet) act. They are
	// part of no JSON: they are about one reading, not about the release.
	Warnings Problems `json:"-"`
}

// Test is one suite.
type Test struct {
	// Name is unique among the tests of a manifest, and a slug like App.
	Name string `json:"name"`
	// List is a shell command that prints one unit a line. Empty: the whole
	// suite is one unit, named after the test.
	List string `json:"list,omitempty"`
	// Run is a shell command. It contains UnitsMark exactly if List is set.
	Run string `json:"run"`
	// Format says how the results are read.
	Format Format `json:"format"`
	// Report is a glob, relative to the checkout, of the JUnit files that a run
	// leaves; what matches before the run is removed first. Empty: the report
	// is standard output. Only with FormatJUnit.
	Report string `json:"report,omitempty"`
	// Timeout is for one run of Run, that is for one lease. At least a second.
	Timeout Duration `json:"timeout"`
	// Env is added to the environment of List and Run.
	Env map[string]string `json:"env,omitempty"`
}

// UnitsMark is replaced in Test.Run by the quoted units of a lease.
const UnitsMark = "{units}"

// Format is how a test tells its results.
type Format string

// The formats that are read. FormatExit knows pass and fail of a whole run
// only, so that units of such a test are leased one at a time.
const (
	FormatGoTest Format = "gotest" // go test -json on standard output
	FormatJUnit  Format = "junit"  // JUnit XML
	FormatExit   Format = "exit"   // exit status 0 is passed
)

// Package says how the artifact is made.
type Package struct {
	// Run is a shell command; empty if the checkout needs no build.
	Run string `json:"run,omitempty"`
	// Path is the file or directory, relative to the checkout, that becomes the
	// release. "." is the checkout itself. It never leads out of the checkout.
	Path string `json:"path"`
	// Timeout of Run.
	Timeout Duration `json:"timeout"`
}

// Process is one long-running program of a release. It listens on the port
// given in $PORT, so that two releases can run side by side on a host.
type Process struct {
	// Run is a shell command, started in the unpacked release.
	Run string `json:"run"`
	// Health is a path that answers 2xx or 3xx when the process is ready, for
	// example /healthz. Empty: a TCP connection to the port is enough.
	Health string `json:"health,omitempty"`
	// StartTimeout is how long it may take to get healthy.
	StartTimeout Duration `json:"start_timeout"`
	// StopTimeout is the time between SIGTERM and SIGKILL.
	StopTimeout Duration `json:"stop_timeout"`
}

// WebProcess is the name of the process that gets the visitors.
const WebProcess = "web"

// Environment is a place releases are shipped to.
type Environment struct {
	// Branch whose commits are shipped here.
	Branch string `json:"branch"`
	// AllowForcePush lets a push rewrite the branch.
	AllowForcePush bool `json:"allow_force_push,omitempty"`
	// Hosts selects hosts by label; all pairs must match. Empty: all hosts.
	Hosts map[string]string `json:"hosts,omitempty"`
}

// EnvironmentOf returns the name of the environment the branch is mapped to.
func (m *Manifest) EnvironmentOf(branch string) (name string, ok bool) {
	for name, env := range m.Environments {
		if env.Branch == branch {
			return name, true
		}
	}
	return "", false
}
