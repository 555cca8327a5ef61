//! The rules of TunRTC, free of AWS, HTTP and JSON.
