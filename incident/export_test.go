package incident

// LoggedFields returns the paths of the fields whose changes are logged.
func LoggedFields() (paths []string) {
	for _, f := range incidentFields() {
		paths = append(paths, f.path)
	}
	return paths
}

// LoggedAlertFields does so for alerts.
func LoggedAlertFields() (paths []string) {
	for _, f := range alertFields {
		paths = append(paths, f.path)
	}
	return paths
}
