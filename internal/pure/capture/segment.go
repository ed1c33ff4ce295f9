package capture

import "encoding/json"

// Segment reads calls of the Segment HTTP tracking API: one event, whose kind the address says (Call.Kind), or a "batch" of several that say it as "type". Context and integrations of a batch are
// those of each event that has none of its own, member by member.
func Segment(c *Call) (Decoded, error) {
	common, items, err := envelope(c.Body, "batch")
	if err != nil {
		return Decoded{}, err
	}
	around, wrong := sharedContext(common.get("context"))
	d := c.each(InSegment, common, items, func(c *Call, common, item fields) (Event, error) {
		e, err := segment(c, common, item)
		if err == nil {
			err = segmentContext(c, around, wrong, item, &e)
		}
		return e, err
	})
	d.Key, _ = text("writeKey", common.get("writeKey"))
	if d.Key == "" && len(items) == 1 {
		if item, ok := members(items[0]); ok {
			d.Key, _ = text("writeKey", item.get("writeKey"))
		}
	}
	return d, nil
}

func segment(c *Call, common, item fields) (e Event, err error) {
	if e.Kind, err = segmentKind(c.Kind, item.get("type")); err != nil {
		return e, err
	}
	var event, name, category string
	err = item.texts(place{"messageId", &e.ID}, place{"userId", &e.User}, place{"anonymousId", &e.Anonymous}, place{"previousId", &e.Previous}, place{"groupId", &e.Group},
		place{"event", &event}, place{"name", &name}, place{"category", &category})
	if err == nil {
		err = item.named("event", "name")
	}
	if err != nil {
		return e, err
	}
	if e.User == "" && e.Anonymous == "" && (e.Kind != Alias || e.Previous == "") {
		return e, breaks(NoUser, "the event needs a userId or an anonymousId")
	}
	// Who sends both (RudderStack's clients) means by timestamp when it happened, as the app says, and by originalTimestamp when the client was told.
	original, sent := item.take("timestamp", "originalTimestamp"), item.take("sentAt")
	if empty(sent) {
		sent = common.get("sentAt")
	}
	if err := timed(&e, original, sent); err != nil {
		return e, err
	}
	properties := item.take("properties")
	switch e.Kind {
	case Track:
		e.Name = event
	case Identify, Group:
		if traits := item.take("traits"); !empty(traits) {
			properties = traits
		}
	default:
		e.Name = name
	}
	if e.Properties, err = object("properties", properties); err != nil {
		return e, err
	}
	if e.Properties, err = with(e.Properties, "category", category); err != nil {
		return e, err
	}
	if e.Kind == Track && e.Name == "Experiment Viewed" {
		err = e.viewed()
	}
	return e, err
}

// sharedContext is the context of a batch.
func sharedContext(raw json.RawMessage) (fields, error) {
	if len(raw) > MaxEvent {
		return nil, breaks(TooLarge, "the batch's context has %d bytes; at most %d", len(raw), MaxEvent)
	}
	around, ok := members(raw)
	if !ok {
		return nil, breaks(WrongType, "the batch's context is %s; send an object", nameOf(raw))
	}
	return around, nil
}

// segmentKind: what the event says itself counts, then the address.
func segmentKind(address Kind, own json.RawMessage) (Kind, error) {
	if empty(own) && address != "" {
		return address, nil
	}
	s, err := text("type", own)
	if err != nil {
		return "", err
	}
	if !specified(Kind(s)) {
		return "", breaks(Malformed, "the type %q is none; send track, identify, page, screen, group or alias", s)
	}
	return Kind(s), nil
}

// segmentContext merges the batch's context into the event's, and finds the release in it.
func segmentContext(c *Call, around fields, wrong error, item fields, e *Event) error {
	own, ok := members(item.get("context"))
	if !ok {
		return breaks(WrongType, "context is %s; send an object", nameOf(item.get("context")))
	}
	if wrong != nil {
		return wrong
	}
	own.add(around)
	c.around(&own)
	var err error
	if e.Release, err = text("context.release", own.take("release")); err != nil {
		return err
	}
	e.Context, err = own.rest("context")
	return err
}

// specified: a kind of the Segment specification.
func specified(k Kind) bool {
	switch k {
	case Track, Page, Screen, Identify, Group, Alias:
		return true
	}
	return false
}
