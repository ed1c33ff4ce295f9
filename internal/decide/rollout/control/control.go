package control

import (
	"math"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/judge"
)

const (
	// numbers is how many start numbers a rollout has; they must differ from those of every other rollout of the environment.
	numbers = 1000
	// leadPart is which part of the settle time a control host's process may have had visitors before the canaries did, and mostLead how long at most: so long its counts are kept.
	leadPart = 4
	mostLead = 10 * time.Second
)

// Hosts are the control hosts of a rollout that were asked to start the old release anew. The zero value is none.
type Hosts struct {
	// Asked counts the askings, of one or more hosts each.
	Asked int             `json:"asked,omitempty"`
	By    map[string]Host `json:"by,omitempty"`
	// Held are counts that wait until the canaries are as old, by second, host and vital.
	Held map[int64]map[string]map[string]judge.HostCount `json:"held,omitempty"`
}

// Host is one of them.
type Host struct {
	// Start is the number for which its process is to be started.
	Start int64 `json:"start"`
	// Up is when that process was up, and Compared when the split was in force that sent visitors to the canaries beside which it started.
	Up       time.Time `json:"up,omitzero"`
	Compared time.Time `json:"compared,omitzero"`
	// GivenUp says that it could not, or would not: whatever runs there will do.
	GivenUp bool `json:"given_up,omitempty"`
}

// Choose gives the hosts that should start the old release anew now: as many as there are cold canaries, less those that did so for them already. order are the hosts that stay on the old release and
// are heard of, in an order of chance; those that have not been asked yet come first, and one that was is asked again only where no other is left.
func (k Hosts) Choose(order []string, canaries int) []string {
	var fresh, again []string
	for _, h := range order {
		switch known, asked := k.By[h]; {
		case !asked:
			fresh = append(fresh, h)
		case known.GivenUp:
		case known.Compared.IsZero():
			canaries--
		default:
			again = append(again, h)
		}
	}
	if k.Asked+1 >= numbers || canaries <= 0 {
		return nil
	}
	all := append(fresh, again...)
	return all[:min(len(all), canaries)]
}

// Ask notes that hosts are asked, in a rollout of this number.
func (k *Hosts) Ask(hosts []string, rollout int) {
	if len(hosts) == 0 {
		return
	}
	if k.By == nil {
		k.By = map[string]Host{}
	}
	k.Asked++
	for _, h := range hosts {
		k.By[h] = Host{Start: int64(rollout)*numbers + int64(k.Asked)}
	}
}

// Start is the number for which a host's process must have been started; 0 where whatever runs will do.
func (k Hosts) Start(host string) int64 {
	if h := k.By[host]; !h.GivenUp {
		return h.Start
	}
	return 0
}

// Pending gives those of the hosts that were asked and are not up.
func (k Hosts) Pending(hosts []string) []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return !k.pending(h) })
}

func (k Hosts) pending(host string) bool {
	h, asked := k.By[host]
	return asked && !h.GivenUp && h.Up.IsZero()
}

// Heard notes that a host's process that was started for a number is up.
func (k Hosts) Heard(host string, start int64, at time.Time) {
	if h := k.By[host]; k.pending(host) && h.Start == start {
		h.Up = at
		k.By[host] = h
	}
}

// GiveUp goes on with the hosts as they are, unless they are up by now. One that says that it does what it was asked for, and has told of no such process, has an agent that knows of no
// start numbers.
func (k Hosts) GiveUp(hosts ...string) {
	for _, host := range hosts {
		if h := k.By[host]; k.pending(host) {
			h.GivenUp = true
			k.By[host] = h
		}
	}
}

// InForce notes that visitors are sent to the canaries beside which hosts started anew.
func (k Hosts) InForce(at time.Time) {
	for host, h := range k.By {
		if !h.Up.IsZero() && h.Compared.IsZero() {
			h.Compared = at
			k.By[host] = h
		}
	}
}

// Drop forgets a host.
func (k Hosts) Drop(host string) { delete(k.By, host) }

// Shift moves the times, with a clock that was set.
func (k Hosts) Shift(by time.Duration) {
	for host, h := range k.By {
		for _, at := range []*time.Time{&h.Up, &h.Compared} {
			if !at.IsZero() {
				*at = at.Add(by)
			}
		}
		k.By[host] = h
	}
}

// Cold tells whether what a host does on the old release is that of a process that has not settled, or may be: it was asked to start anew. What settles takes settle.
func (k Hosts) Cold(host string, at time.Time, settle time.Duration) bool {
	h, asked := k.By[host]
	switch {
	case !asked || h.GivenUp:
		return false
	case h.Up.IsZero():
		return true
	case h.equal(settle):
		return at.Before(h.Compared.Add(settle))
	}
	return at.Before(h.Up.Add(settle))
}

// Partner tells whether a host is as cold as the canaries that got their first visitors with it.
func (k Hosts) Partner(host string, at time.Time, settle time.Duration) bool {
	return k.By[host].equal(settle) && k.Cold(host, at, settle)
}

// equal tells whether the process has had visitors for hardly longer than the canaries.
func (h Host) equal(settle time.Duration) bool {
	return !h.GivenUp && !h.Up.IsZero() && !h.Compared.IsZero() && h.Compared.Sub(h.Up) <= min(settle/leadPart, mostLead)
}

// Controls get visitors as soon as they are up, canaries a moment later. The first requests of a cold process are the worst: so each second of a control is compared with the one in which the
// canaries are as old. Both begin with the first whole second.

// Holds tells whether what a host did on the old release in a second has to wait for the canaries.
func (k Hosts) Holds(host string, second int64, settle time.Duration) bool {
	h := k.By[host]
	waits := !h.GivenUp && !h.Up.IsZero() && h.Compared.IsZero()
	return (waits || k.Partner(host, time.Unix(second, 0), settle)) && second >= whole(h.Up)
}

// Hold keeps a count until the canaries are as old, and forgets those that waited in vain.
func (k *Hosts) Hold(second int64, host, vital string, c judge.HostCount) {
	if k.Held == nil {
		k.Held = map[int64]map[string]map[string]judge.HostCount{}
	}
	k.Prune(second)
	hosts := k.Held[second]
	if hosts == nil {
		hosts = map[string]map[string]judge.HostCount{}
		k.Held[second] = hosts
	}
	if hosts[host] == nil {
		hosts[host] = map[string]judge.HostCount{}
	}
	sum := hosts[host][vital]
	hosts[host][vital] = judge.HostCount{Events: sum.Events + c.Events, Requests: sum.Requests + c.Requests}
}

// Prune forgets what can be compared no more in a second.
func (k Hosts) Prune(second int64) {
	for at := range k.Held {
		if at < second-int64(mostLead/time.Second)-1 {
			delete(k.Held, at)
		}
	}
}

// Take gives what a host did, by vital, when it was as old as the canaries are in a second, and before where that has not been taken.
func (k Hosts) Take(host string, second int64) map[string]judge.HostCount {
	h, out := k.By[host], map[string]judge.HostCount{}
	for at, hosts := range k.Held {
		if at > second-(whole(h.Compared)-whole(h.Up)) {
			continue
		}
		for vital, c := range hosts[host] {
			sum := out[vital]
			out[vital] = judge.HostCount{Events: sum.Events + c.Events, Requests: sum.Requests + c.Requests}
		}
		delete(hosts, host)
		if len(hosts) == 0 {
			delete(k.Held, at)
		}
	}
	return out
}

// whole is the first whole second from a time on.
func whole(at time.Time) int64 {
	return at.Add(time.Second - 1).Unix()
}

// Visitors is what a comparison of two groups alone, to which so large parts of all visitors were drawn, counts as, where the judge thinks of one group and all the rest: the part by which the drawn
// visitors make as much of a difference. The variance of a group's mean goes by 1 over its part: 1/(v·(1−v)) = 1/fresh + 1/old.
func Visitors(fresh, old float64) float64 {
	if fresh <= 0 || old <= 0 {
		return 0
	}
	product := fresh * old / (fresh + old)
	v := (1 - math.Sqrt(max(0, 1-4*product))) / 2
	if fresh > old {
		return 1 - v
	}
	return v
}
