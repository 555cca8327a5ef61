//! API Gateway event in, problem document or frame out.
