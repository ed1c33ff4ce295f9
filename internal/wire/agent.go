package wire

import "time"

// JoinRequest makes a machine part of the installation. Joining again under the same name with the same Key gives the same agent back.
type JoinRequest struct {
	Token string `json:"token"`
	Name  string `json:"name"`
	// Key is a random string the agent made and keeps (32 hex digits): it proves that a second join is the same machine.
	Key    string            `json:"key"`
	Roles  []string          `json:"roles"`
	Labels map[string]string `json:"labels,omitempty"`
	// Addr is the address at which edges reach this host's processes, without a port ("10.0.0.7").
	Addr    string `json:"addr,omitempty"`
	CPUs    int    `json:"cpus,omitempty"`
	Version string `json:"version,omitempty"`
}

// JoinAnswer is the agent's own credential. It is shown once.
type JoinAnswer struct {
	Agent      string `json:"agent"`
	Credential string `json:"credential"`
}

// Beat says that an agent lives. Sample is present on hosts.
type Beat struct {
	Sample *Sample `json:"sample,omitempty"`
}

// Sample is a host's own state.
type Sample struct {
	Time     time.Time `json:"time"`
	CPU      float64   `json:"cpu"`       // busy share of all cores, 0 to 1
	Load1    float64   `json:"load1"`     // runnable tasks, one-minute mean
	MemUsed  int64     `json:"mem_used"`  // bytes
	MemTotal int64     `json:"mem_total"` // bytes
	DiskFree int64     `json:"disk_free"` // bytes where releases are kept
}

// Desired is everything a host should hold and run. An environment that is not named should not be there at all.
type Desired struct {
	// Generation grows with every change for this host.
	Generation   int64        `json:"generation"`
	Environments []DesiredEnv `json:"environments"`
}

// DesiredEnv is the wish for one environment on one host.
type DesiredEnv struct {
	App string `json:"app"`
	Env string `json:"environment"`
	// Deploy is the request this stems from; the report repeats it.
	Deploy string        `json:"deploy"`
	Hold   []HeldRelease `json:"hold"`
	// Run names the releases, among Hold, whose processes should be up.
	Run []string `json:"run"`
	// Starts gives, of some releases of Run, a number: their processes must have been started for it, and one that was started for another, or for none, makes way once the
	// right one is up. Of a release that it does not name whatever runs will do. Agents of a version before leave all that runs as it is.
	Starts map[string]int64 `json:"starts,omitempty"`
	// Current is the release the "current" link should name; empty leaves it.
	Current string `json:"current,omitempty"`
}

// HeldRelease is a release as a host needs it.
type HeldRelease struct {
	Release  string `json:"release"`
	Artifact string `json:"artifact"` // sha256 of the zstd-compressed tar, 64 hex digits
	Size     int64  `json:"size"`     // bytes, compressed
	// Processes by name ("web"). This version runs web.
	Processes map[string]ProcessSpec `json:"processes"`
	// Environ holds settings and secrets, decrypted, as NAME=value. It is never logged.
	Environ []string `json:"environ,omitempty"`
}

// ProcessSpec says how to run one process.
type ProcessSpec struct {
	// Run is given to sh -c in the release's folder, with PORT set.
	Run string `json:"run"`
	// Health is the path that must answer 200 to 399; empty means that the port accepts a connection.
	Health       string        `json:"health,omitempty"`
	StartTimeout time.Duration `json:"start_timeout,omitempty"` // nanoseconds; 0 means 30 s
	StopTimeout  time.Duration `json:"stop_timeout,omitempty"`  // nanoseconds between SIGTERM and SIGKILL; 0 means 10 s
}

// Report is what a host holds and runs, whole.
type Report struct {
	// Generation is that of the Desired which is being worked towards.
	Generation   int64       `json:"generation"`
	Environments []ReportEnv `json:"environments"`
	Sample       *Sample     `json:"sample,omitempty"`
}

// ReportEnv is one environment on one host.
type ReportEnv struct {
	App    string `json:"app"`
	Env    string `json:"environment"`
	Deploy string `json:"deploy"`
	// Converged is true when everything wished for is so: held, up and healthy, the rest stopped.
	Converged bool            `json:"converged"`
	Releases  []ReportRelease `json:"releases"`
	Current   string          `json:"current,omitempty"`
}

// Release states on a host.
const (
	ReleaseFetching = "fetching"
	ReleaseStaged   = "staged"
	ReleaseFailed   = "failed"
)

// ReportRelease is one release on one host.
type ReportRelease struct {
	Release string `json:"release"`
	State   string `json:"state"`
	// Code and Text say why it failed: code is one of "fetch", "hash", "unpack", "start", "unhealthy", "port", "disk".
	Code      string          `json:"code,omitempty"`
	Text      string          `json:"text,omitempty"`
	Processes []ReportProcess `json:"processes,omitempty"`
}

// Process states.
const (
	ProcessStarting  = "starting"
	ProcessUp        = "up"
	ProcessUnhealthy = "unhealthy"
	ProcessCrashed   = "crashed"
	ProcessStopping  = "stopping"
	ProcessStopped   = "stopped"
)

// ReportProcess is one process of a release. While one takes the place of another, both are reported.
type ReportProcess struct {
	Process string `json:"process"`
	// Start is the number of DesiredEnv.Starts that it was started for, 0 for none.
	Start int64  `json:"start,omitempty"`
	State string `json:"state"`
	// Addr is host:port for the edge while the process runs.
	Addr string `json:"addr,omitempty"`
	PID  int    `json:"pid,omitempty"`
	// Restarts counts the starts after the first since the release was asked to run.
	Restarts int `json:"restarts,omitempty"`
	// Text is the last failure with the end of the process's output.
	Text  string    `json:"text,omitempty"`
	Since time.Time `json:"since"`
}
