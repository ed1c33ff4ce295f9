package visitors

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Options say where a crowd goes and how large it is.
type Options struct {
	// Target is where the shop is: http://host:port. Needed.
	Target string
	// Host is sent as the Host header; default: that of Target.
	Host string
	// RPS is how many requests a second fall due, on average. Needed, above 0.
	RPS float64
	// Visitors is how many are there at a time; default 100.
	Visitors int
	// Requests ends the run after so many; 0: it ends with its context.
	Requests int64
	// Seed draws who does what; the moments depend on the clock as well.
	Seed uint64
	// ReleaseHeader names the header of an answer that says which release made it; default Slipway-Release.
	ReleaseHeader string
	// Timeout is how long a visitor waits for a whole answer; default 10 s.
	Timeout time.Duration
	// MaxOpen is how many requests may be open at once; what falls due beyond it is skipped, and counted as
	// such. Default: four times Visitors, and at least 256.
	MaxOpen int
}

// complete fills in the defaults and checks all options at once.
func (o Options) complete() (Options, error) {
	o.Visitors = cmp.Or(o.Visitors, 100)
	o.ReleaseHeader = cmp.Or(o.ReleaseHeader, "Slipway-Release")
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.MaxOpen = cmp.Or(o.MaxOpen, max(4*o.Visitors, 256))
	var wrong []error
	if !(o.RPS > 0 && o.RPS <= 1e6) {
		wrong = append(wrong, fmt.Errorf("RPS is %v: want above 0 and at most a million", o.RPS))
	}
	if o.Visitors < 0 || o.Requests < 0 || o.Timeout < 0 || o.MaxOpen < 0 {
		wrong = append(wrong, errors.New("the options Visitors, Requests, Timeout and MaxOpen must not be negative"))
	}
	return o, errors.Join(append(wrong, o.resolve())...)
}

// resolve makes Target the address to dial.
func (o *Options) resolve() error {
	u, err := url.Parse(o.Target)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") {
		return fmt.Errorf("target is %q: want http://host:port", o.Target)
	}
	o.Host = cmp.Or(o.Host, u.Host)
	o.Target = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
	return nil
}
