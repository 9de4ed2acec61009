package export

import (
	"context"
	"errors"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/storage"
)

// images are what a report has of attached images.
type images struct {
	contents map[string][]byte
	leftOut  []string
	most     int // when some were left out
}

// readImages reads what is attached to comments that a report tells, as far as there is room for it.
func readImages(ctx context.Context, r storage.Reader, entries []activity.Entry, o Options) (images, error) {
	found := images{contents: map[string][]byte{}}
	if !o.wants(Activity) || o.Hide.Comments {
		return images{}, nil
	}
	room := int64(o.MaxImageBytes)
	seen := map[string]bool{}
	for _, e := range chronological(entries) {
		if e.Redacted {
			continue
		}
		for _, a := range e.Attachments {
			if seen[a.SHA256] {
				continue
			}
			seen[a.SHA256] = true
			var data []byte
			if a.Size <= room {
				var err error
				if data, err = r.Content(ctx, a.SHA256); errors.Is(err, storage.ErrNotFound) {
					continue
				} else if err != nil {
					return images{}, err
				}
			}
			if max(a.Size, int64(len(data))) > room {
				found.leftOut, found.most = append(found.leftOut, a.SHA256), o.MaxImageBytes
				continue
			}
			room -= int64(len(data))
			found.contents[a.SHA256] = data
		}
	}
	if len(found.contents) == 0 {
		found.contents = nil
	}
	return found, nil
}
