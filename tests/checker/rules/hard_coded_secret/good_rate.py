FORGOT_PASSWORD = "3/hour"
RESET_PASSWORD = "5 per minute"
