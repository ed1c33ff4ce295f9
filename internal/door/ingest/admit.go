package ingest

import (
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// networkOf is what an app keeps of an address.
func networkOf(r *track.Rules) func(ip string) string {
	switch r.Settings.IP {
	case track.IPFull:
		return nil
	case track.IPNone:
		return func(string) string { return "" }
	default:
		return network
	}
}

// decode reads a body as its source's app wants it read. Whose it is may be known only once it was read: few apps want another address than the usual one, and theirs are read twice.
func (e *Events) decode(d dialect, c *capture.Call, find func(key string) (track.Source, error)) (capture.Decoded, track.Source, error) {
	c.Network = network
	decoded, err := d.read(c)
	if err != nil {
		return decoded, track.Source{}, unreadable(err)
	}
	source, err := find(decoded.Key)
	if err != nil {
		return decoded, source, err
	}
	rules := e.sources.Rules(source.App)
	if rules.Settings.IP != track.IPTruncate {
		c.Network = networkOf(rules)
		if decoded, err = d.read(c); err != nil {
			return decoded, source, unreadable(err)
		}
	}
	return decoded, source, nil
}

// admit takes out of a body what its app does not want to have, and tells how many events are not wanted at all.
func admit(rules *track.Rules, d *capture.Decoded) (dropped int) {
	privacy := rules.Privacy.WithNetwork(networkOf(rules))
	d.Failures = slices.DeleteFunc(d.Failures, func(f capture.Failure) bool { return rules.DropRaw(f.Raw) })
	for i := range d.Failures {
		d.Failures[i].Raw = privacy.Raw(d.Failures[i].Raw)
	}
	events, raw := d.Events[:0], d.Raw[:0]
	for i, ev := range d.Events {
		if rules.Drop(&ev) {
			dropped++
			continue
		}
		privacy.Event(&ev)
		if f, reject := rules.Check(&ev); f != nil && reject {
			d.Failures = append(d.Failures, capture.Failure{ID: ev.ID, Reason: capture.Unplanned, Message: strings.TrimPrefix(f.Path+": "+f.Fault, ": "), Raw: privacy.Raw(d.Raw[i])})
			continue
		}
		events, raw = append(events, ev), append(raw, d.Raw[i])
	}
	d.Events, d.Raw = events, raw
	return dropped
}
