"""Programs that use the packages of this repository; they are not installed with them."""
