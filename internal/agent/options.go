package agent

import (
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Options of an agent.
type Options struct {
	// Server is the base address; empty for an agent that joined before.
	Server string
	// JoinToken is needed for the first start.
	JoinToken string
	// Name of this machine in the installation; default its host name.
	Name string
	// Roles of this machine; default all that this program knows.
	Roles []string
	// Labels say what is special about this machine.
	Labels map[string]string
	// Dir keeps the identity, mirrors, artifacts and releases; default ./slipway-agent. A worker's commands see of it what their lease needs.
	Dir string
	// Addr is where edges reach this host's processes, without a port; default 127.0.0.1.
	Addr string
	// Ports is the range of ports given to processes; default 20000 to 29999.
	Ports [2]int
	// Drain is how long a process that is to stop is left alone once the server knows; default 3 s.
	Drain time.Duration
	// Tied ends the host's processes with the agent; otherwise they go on and the next agent adopts them.
	Tied bool
	// Statsd is where apps send statsd to, or StatsdOff; default 127.0.0.1:8125.
	Statsd string
	// StatsdTags are the names of the tags by whose values a metric is told apart; the others are left out.
	StatsdTags []string
	// Slots is how many leases a worker does at once; default 1.
	Slots int
	// Environ is added to what a worker's commands get, as NAME=value: a GOCACHE that several workers of one machine share, say.
	Environ []string
	// Keeper is the command line of a keeper of this program, which keeps a worker's commands apart from it; see worker.Options.
	Keeper []string
	// Isolation of a worker's commands; empty means proc.Auto.
	Isolation proc.Isolation
	// Version of this program.
	Version string
	Logger  *slog.Logger
}

// Check says what is wrong with the options, all at once, before anything is opened or asked.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

// withDefaults fills in what is not set and checks the rest, all at once.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	if o.Name == "" {
		name, err := os.Hostname()
		if err != nil {
			errs = append(errs, fault.Invalid("this machine has no host name: give one with --name").At("name").Because(err))
		}
		o.Name = name
	} else if err := CheckName(o.Name); err != nil {
		errs = append(errs, err)
	}
	known := slices.Sorted(maps.Keys(roles()))
	if len(o.Roles) == 0 {
		o.Roles = known
	}
	for _, role := range o.Roles {
		if !slices.Contains(known, role) {
			errs = append(errs, fault.Invalid("--roles: %q is no role of an agent: choose from %s", role, strings.Join(known, ", ")).At("roles"))
		}
	}
	if o.Dir == "" {
		o.Dir = "slipway-agent"
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1"
	}
	if o.Ports == [2]int{} {
		o.Ports = [2]int{20000, 29999}
	}
	if o.Statsd == "" {
		o.Statsd = "127.0.0.1:8125"
	}
	if o.Slots == 0 {
		o.Slots = 1
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, errors.Join(append(errs, o.check()...)...)
}

// check looks at what has no default left to fill in.
func (o Options) check() (errs []error) {
	wrong := func(field, format string, args ...any) {
		errs = append(errs, fault.Invalid("--"+field+" "+format, args...).At(field))
	}
	if o.Server != "" && !isServer(o.Server) {
		wrong("server", "%q is no URL of a server; write it like https://slipway.example.com", o.Server)
	}
	if why := wrongAddr(o.Addr); why != "" {
		wrong("addr", "%q %s", o.Addr, why)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		for _, text := range []string{name, o.Labels[name]} {
			if err := manifest.CheckLabel(text); err != nil {
				wrong("labels", "%s", err)
			}
		}
	}
	if o.Ports[0] < 1 || o.Ports[1] > 65535 || o.Ports[0] > o.Ports[1] {
		wrong("ports", "%d-%d is not a range; write two numbers from 1 to 65535, the smaller one first, like 20000-29999", o.Ports[0], o.Ports[1])
	}
	errs = append(errs, o.checkStatsd()...)
	if o.Slots < 1 {
		wrong("slots", "%d is too few; a worker does one lease at once, or more", o.Slots)
	}
	if o.Drain < 0 {
		wrong("drain", "%s is negative; write a time like 3s", o.Drain)
	}
	for _, entry := range o.Environ {
		name, _, ok := strings.Cut(entry, "=")
		switch {
		case entry == "": // an empty variable
		case !ok:
			wrong("environ", "%q is not NAME=value", entry)
		case !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name):
			wrong("environ", "%q is not a variable's name; write letters, digits and _, no digit first", name)
		case strings.HasPrefix(name, "SLIPWAY_"):
			wrong("environ", "%s: the names that begin with SLIPWAY_ are Slipway's own, and commands do not get them", name)
		}
	}
	return errs
}

// StatsdOff is the address of no sink.
const StatsdOff = "off"

// statsd is the sink's address, empty for none.
func (o Options) statsd() string {
	if o.Statsd == StatsdOff {
		return ""
	}
	return o.Statsd
}

func (o Options) checkStatsd() (errs []error) {
	const most = 8
	if host, port, err := net.SplitHostPort(o.statsd()); o.statsd() != "" && (err != nil || !isPort(port) || net.ParseIP(host) == nil && host != "localhost") {
		errs = append(errs, fault.Invalid("--statsd %q is no address to listen at; write it like 127.0.0.1:8125, or off", o.Statsd).At("statsd"))
	}
	if len(o.StatsdTags) > most {
		errs = append(errs, fault.Invalid("--statsd-tags are %d; at most %d are kept, as each multiplies what is counted", len(o.StatsdTags), most).At("statsd-tags"))
	}
	for _, tag := range o.StatsdTags {
		if !regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]{0,49}$`).MatchString(tag) {
			errs = append(errs, fault.Invalid("--statsd-tags %q is no tag's name; write the name alone, such as status", tag).At("statsd-tags"))
		}
	}
	return errs
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == text
}

// CheckName says what is wrong with the name of a machine, which stands in lists, in terminals and in notices.
func CheckName(name string) error {
	const most = 100
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	if name == "" || len(name) > most || strings.ContainsFunc(name, odd) || strings.ContainsRune("._-", rune(name[0])) {
		return fault.Invalid("--name %q is no name for a machine; write letters, digits and . _ -, a letter or digit first, %d bytes at most", name, most).At("name")
	}
	return nil
}

func isServer(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// wrongAddr says why edges could not reach an address, "" if they may.
func wrongAddr(addr string) string {
	const example = "write the address alone, such as 10.0.0.5 or host-3.example.com"
	if ip, err := netip.ParseAddr(addr); err == nil {
		if ip.IsUnspecified() {
			return "stands for all addresses, and edges need one of them; " + example
		}
		return ""
	}
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return "has a port, and each process gets a port of its own; " + example
	}
	if len(addr) > 253 || !regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`).MatchString(addr) {
		return "is not an address; " + example
	}
	return ""
}
