"""Settings, headers, cookies and origins."""
