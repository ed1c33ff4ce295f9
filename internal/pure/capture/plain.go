package capture

import (
	"cmp"
	"fmt"
	"strings"
)

// Plain reads Slipway's own form, for servers: {"events": […]}, a list, or one event, each
//
//	{"name": "order_completed", "user": "u1", "time": "2026-01-31T12:00:00Z", "id": "…", "release": "…", "properties": {…}, "context": {…}}
//
// with "kind" (track when it is not said), "anonymous", "group", "previous" and "sent" where they are needed. A user or an anonymous id is, and the name, for a track event. A member that is none of these is
// a mistake: what nobody reads would be lost. So is one beside "events" other than "release" and "sent", of the whole body.
func Plain(c *Call) (Decoded, error) {
	common, items, err := envelopeOf(c.Body, "events", beside)
	if err != nil {
		return Decoded{}, err
	}
	return c.each(InPlain, common, items, plain), nil
}

func plain(c *Call, common, item fields) (e Event, err error) {
	if !empty(item.get("specversion")) {
		return e, breaks(Malformed, "this is a CloudEvent; send it to /v1/cloudevents")
	}
	for _, m := range item {
		if !plainMember(m.name) {
			return e, unknown(m)
		}
	}
	kind := ""
	err = item.texts(place{"kind", &kind}, place{"id", &e.ID}, place{"name", &e.Name}, place{"user", &e.User}, place{"anonymous", &e.Anonymous},
		place{"group", &e.Group}, place{"previous", &e.Previous}, place{"release", &e.Release})
	if err == nil {
		err = common.texts(place{"release", &e.Release})
	}
	if err == nil {
		err = item.named("name", "kind")
	}
	if err != nil {
		return e, err
	}
	if e.Kind = Kind(kind); e.Kind == "" {
		e.Kind = Track
	}
	if !specified(e.Kind) && e.Kind != Exposure {
		return e, breaks(Malformed, "the kind %q is none; send track, identify, page, screen, group, alias or exposure", kind)
	}
	if e.Kind == Exposure && e.Name == "" {
		return e, breaks(NoName, "an exposure needs the flag's name")
	}
	if e.User == "" && e.Anonymous == "" && (e.Kind != Alias || e.Previous == "") {
		return e, breaks(NoUser, "the event needs a user or an anonymous id")
	}
	sent := item.get("sent")
	if empty(sent) {
		sent = common.get("sent")
	}
	if err := timed(&e, item.get("time"), sent); err != nil {
		return e, err
	}
	if e.Properties, err = object("properties", item.get("properties")); err != nil {
		return e, err
	}
	around, ok := members(item.get("context"))
	if !ok {
		return e, breaks(WrongType, "context is %s; send an object", nameOf(item.get("context")))
	}
	c.hide(&around, "ip") // the request's own address is the server's, not the user's
	e.Context, err = around.rest("context")
	return e, err
}

// plainMember: a member of an event in the plain form.
func plainMember(name string) bool {
	switch name {
	case "kind", "id", "name", "user", "anonymous", "group", "previous", "release", "time", "sent", "properties", "context":
		return true
	}
	return false
}

// meant are the members that go by other names in the forms of other clients, written small and without strokes.
var meant = map[string]string{
	"userid": "user", "distinctid": "user", "uid": "user", "anonymousid": "anonymous", "deviceid": "anonymous", "groupid": "group", "previousid": "previous", "event": "name", "eventname": "name", "type": "kind",
	"messageid": "id", "eventid": "id", "uuid": "id", "timestamp": "time", "originaltimestamp": "time", "sentat": "sent", "traits": "properties", "property": "properties", "props": "properties", "data": "properties",
}

// unknown says of a member that it is none, and which one may be meant.
func unknown(m member) error {
	said, small := short(quoted(m.name)), plainly(m.name)
	if small == "event" && len(m.raw) > 0 && m.raw[0] == '[' {
		return breaks(Malformed, "%s is no member of an event; did you mean \"events\", a list of them?", said)
	}
	if plainMember(small) {
		return breaks(Malformed, "%s is no member of an event; did you mean %q?", said, small)
	}
	if other, ok := meant[small]; ok {
		return breaks(Malformed, "%s is no member of an event; did you mean %q?", said, other)
	}
	return breaks(Malformed, "%s is no member of an event; put what is yours into \"properties\"", said)
}

// plainly is a name without what only some clients write.
func plainly(name string) string {
	return strings.NewReplacer("_", "", "-", "", "$", "", " ", "").Replace(strings.ToLower(name))
}

// beside says of a member beside "events" that nobody reads it, and where it belongs.
func beside(name string) error {
	if name == "release" || name == "sent" {
		return nil
	}
	said, small := short(quoted(name)), plainly(name)
	other := cmp.Or(meant[small], small)
	switch {
	case other == "release" || other == "sent":
		return fmt.Errorf("%s beside \"events\" is no member of a body; did you mean %q?", said, other)
	case plainMember(other):
		return fmt.Errorf("%s beside \"events\" is no member of a body; put %q into each event", said, other)
	default:
		return fmt.Errorf("%s beside \"events\" is no member of a body; put what is yours into the \"properties\" of each event", said)
	}
}
