package capture

import "encoding/json"

// Ids are whose an item may be that is no event: what it says where any dialect says it.
func Ids(raw json.RawMessage) (ids []string) {
	item, _ := members(raw)
	properties, _ := members(item.get("properties"))
	for _, part := range []fields{item, properties} {
		for _, name := range []string{"userId", "user", "userid", "anonymousId", "anonymous", "anonymousid", "previousId", "previous", "distinct_id", "$device_id", "$anon_distinct_id", "alias"} {
			if id, err := text(name, part.get(name)); err == nil && id != "" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
