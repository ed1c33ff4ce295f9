package capture

import (
	"encoding/json"
	"fmt"
	"strings"
)

// CloudEvents reads CloudEvents 1.0 in JSON: one (application/cloudevents+json) or a list (application/cloudevents-batch+json). The type is the event's name, and the extensions userid, anonymousid and
// release say whose it is. An id counts together with its source, as the specification has it.
func CloudEvents(c *Call) (Decoded, error) {
	_, items, err := envelope(c.Body, "")
	if err != nil {
		return Decoded{}, err
	}
	return c.each(InCloudEvents, fields{}, items, cloudEvent), nil
}

// CloudEventOf makes of a CloudEvent in HTTP's binary mode, whose attributes are headers "ce-…" (given here without that, in lower case) and whose body is its data, the one in JSON that
// CloudEvents reads. Data that is not JSON is kept as a string.
func CloudEventOf(attributes map[string]string, contentType string, data []byte) ([]byte, error) {
	event := map[string]any{}
	for name, value := range attributes {
		event[name] = value
	}
	if contentType != "" {
		event["datacontenttype"] = contentType
	}
	switch {
	case len(data) == 0:
	case json.Valid(data):
		event["data"] = json.RawMessage(data)
	default:
		event["data"] = string(data)
	}
	body, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("read the CloudEvent: %w", err)
	}
	return body, nil
}

func cloudEvent(c *Call, _, item fields) (e Event, err error) {
	var version, id, source string
	err = item.texts(place{"specversion", &version}, place{"id", &id}, place{"source", &source}, place{"type", &e.Name},
		place{"userid", &e.User}, place{"anonymousid", &e.Anonymous}, place{"release", &e.Release})
	if err == nil {
		err = item.named("type")
	}
	if err != nil {
		return e, err
	}
	if !strings.HasPrefix(version, "1.") {
		return e, breaks(Malformed, "specversion is %q; send CloudEvents 1.0", version)
	}
	for _, needed := range []place{{"id", &id}, {"source", &source}, {"type", &e.Name}} {
		if *needed.to == "" {
			return e, breaks(Malformed, "the CloudEvent has no %s", needed.name)
		}
	}
	e.Kind, e.ID = Track, source+"#"+id
	if err := timed(&e, item.get("time"), nil); err != nil {
		return e, err
	}
	if e.Properties, err = cloudData(item); err != nil {
		return e, err
	}
	around := fields{}
	for _, m := range item { // subject, dataschema, and the sender's extensions
		switch m.name {
		case "specversion", "id", "type", "userid", "anonymousid", "release", "time", "data", "data_base64", "datacontenttype":
		default:
			around.set(m.name, m.raw)
		}
	}
	c.around(&around)
	e.Context, err = around.rest("context")
	return e, err
}

// cloudData is the data as properties: what is no object becomes the property "data".
func cloudData(item fields) (json.RawMessage, error) {
	data := item.get("data")
	if base64 := item.get("data_base64"); empty(data) && !empty(base64) {
		return fields{{"data_base64", base64}}.rest("data_base64")
	}
	if empty(data) || data[0] == '{' {
		return object("data", data)
	}
	return fields{{"data", data}}.rest("data")
}
