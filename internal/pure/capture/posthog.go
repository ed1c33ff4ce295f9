package capture

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// PostHog reads what clients of PostHog send to its capture endpoints: {"api_key", "batch": […], "sent_at"}, a list of events, or one.
func PostHog(c *Call) (Decoded, error) {
	common, items, err := envelope(c.Body, "batch")
	if err != nil {
		return Decoded{}, err
	}
	d := c.each(InPostHog, common, items, posthog)
	if d.Key = keyOf(common); d.Key == "" && len(items) > 0 { // one key for all that come together
		if item, ok := members(items[0]); ok {
			if d.Key = keyOf(item); d.Key == "" {
				properties, _ := members(item.get("properties"))
				d.Key = keyOf(properties)
			}
		}
	}
	return d, nil
}

// PostHogKey is the key in a body of PostHog's clients that holds no events; empty where there is none.
func PostHogKey(body []byte) string {
	if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return ""
	}
	f, _ := members(body)
	return keyOf(f)
}

func keyOf(f fields) (key string) {
	_ = f.texts(place{"api_key", &key}, place{"token", &key})
	return key
}

func posthog(c *Call, common, item fields) (e Event, err error) {
	properties, ok := members(item.get("properties"))
	if !ok {
		return e, breaks(WrongType, "properties is %s; send an object", nameOf(item.get("properties")))
	}
	properties.take("token")
	var name, person, device string
	err = item.texts(place{"event", &name}, place{"uuid", &e.ID}, place{"distinct_id", &person})
	if err == nil {
		err = properties.texts(place{"distinct_id", &person}, place{"$device_id", &device}, place{"$release", &e.Release})
	}
	if err == nil {
		err = item.named("event")
	}
	if err != nil {
		return e, err
	}
	if person == "" {
		return e, breaks(NoUser, "the event needs a distinct_id")
	}
	if e.Anonymous = device; person != device {
		e.User = person
	}
	if identified := properties.take("$is_identified"); string(identified) == "false" { // a browser that nobody has signed in on
		e.User, e.Anonymous = "", person
	}
	for _, known := range []string{"distinct_id", "$device_id", "$release"} {
		properties.take(known)
	}
	if err := posthogTime(&e, common, item); err != nil {
		return e, err
	}
	c.hide(&properties, "$ip")
	if err := posthogKind(&e, name, item, &properties); err != nil {
		return e, err
	}
	if e.Properties, err = properties.rest("properties"); err != nil {
		return e, err
	}
	around := fields{}
	c.around(&around)
	e.Context, err = around.rest("context")
	return e, err
}

// posthogTime: clients give the time of the event and that of sending, or how many milliseconds ago it was.
func posthogTime(e *Event, common, item fields) error {
	sent := item.get("sent_at")
	if empty(sent) {
		sent = common.get("sent_at")
	}
	if err := timed(e, item.get("timestamp"), sent); err != nil {
		return err
	}
	if ago, ok := number(item.get("offset")); ok && e.Original.IsZero() && ago > 0 && ago < 1e12 {
		sent := e.Sent
		if sent.IsZero() {
			sent = time.Unix(1<<30, 0).UTC() // any: only the difference counts
		}
		e.Sent, e.Original = sent, sent.Add(-time.Duration(ago*float64(time.Millisecond)))
	}
	return nil
}

// posthogKind finds the kind by the names that PostHog keeps for itself.
func posthogKind(e *Event, name string, item fields, properties *fields) error {
	e.Kind, e.Name = Track, name
	switch name {
	case "$pageview":
		e.Kind, e.Name = Page, ""
		return properties.texts(place{"title", &e.Name})
	case "$screen":
		e.Kind, e.Name = Screen, ""
		return properties.texts(place{"$screen_name", &e.Name})
	case "$identify", "$set":
		e.Kind, e.Name = Identify, ""
		if err := properties.texts(place{"$anon_distinct_id", &e.Anonymous}); err != nil {
			return err
		}
		return e.traits(properties, item, "$set", "$set_once")
	case "$create_alias":
		e.Kind, e.Name = Alias, ""
		if err := properties.texts(place{"alias", &e.Previous}); err != nil || e.Previous != "" {
			return err
		}
		return breaks(NoUser, "$create_alias needs the property alias")
	case "$groupidentify":
		e.Kind, e.Name = Group, ""
		if err := properties.texts(place{"$group_key", &e.Group}, place{"$group_type", &e.Name}); err != nil {
			return err
		}
		return e.traits(properties, item, "$group_set")
	case "$feature_flag_called":
		e.Kind, e.Name = Exposure, ""
		properties.set("value", properties.take("$feature_flag_response"))
		if err := properties.texts(place{"$feature_flag", &e.Name}); err != nil || e.Name != "" {
			return err
		}
		return breaks(NoName, "$feature_flag_called needs the property $feature_flag")
	}
	return nil
}

// traits puts what is told of a person or a group in the place of the properties; the first that has a member counts.
func (e *Event) traits(properties *fields, item fields, names ...string) error {
	traits := fields{}
	for _, name := range names {
		for _, from := range []fields{item, *properties} {
			known, ok := members(from.get(name))
			if !ok {
				return breaks(WrongType, "%s is %s; send an object", name, nameOf(from.get(name)))
			}
			traits.add(known)
		}
	}
	*properties = traits
	return nil
}
