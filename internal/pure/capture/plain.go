package capture

// Plain reads Slipway's own form, for servers: {"events": […]}, a list, or one event, each
//
//	{"name": "order_completed", "user": "u1", "time": "2026-01-31T12:00:00Z", "id": "…", "release": "…", "properties": {…}, "context": {…}}
//
// with "kind" (track when it is not said), "anonymous", "group" and "previous" where they are needed. Only the name is, for a track event.
func Plain(c *Call) (Decoded, error) {
	common, items, err := envelope(c.Body, "events")
	if err != nil {
		return Decoded{}, err
	}
	return c.each(InPlain, common, items, plain), nil
}

func plain(c *Call, common, item fields) (e Event, err error) {
	kind := ""
	err = item.texts(place{"kind", &kind}, place{"id", &e.ID}, place{"name", &e.Name}, place{"user", &e.User}, place{"anonymous", &e.Anonymous},
		place{"group", &e.Group}, place{"previous", &e.Previous}, place{"release", &e.Release})
	if err == nil {
		err = common.texts(place{"release", &e.Release})
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
