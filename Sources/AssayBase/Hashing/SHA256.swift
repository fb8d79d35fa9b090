#if canImport(CryptoKit)
private import CryptoKit
private import Foundation
#elseif SystemLibraries
private import CCrypto
#else
private import CAssayHashes
#endif

/// A hash of bytes that are given piece by piece (FIPS 180-4), computed by the platform where it can.
package final class SHA256 {
  /// The number of bytes of a hash.
  package static let byteCount = 32

  #if canImport(CryptoKit)
  private var state = CryptoKit.SHA256()

  /// Begins a hash, so far of no bytes.
  package init() {}

  /// Adds bytes.
  package func update(_ bytes: UnsafeRawBufferPointer) {
    state.update(bufferPointer: bytes)
  }

  /// The hash of all bytes, after which no more can be added.
  package func finalize() -> [UInt8] { Array(state.finalize()) }

  #elseif SystemLibraries
  private let state = EVP_MD_CTX_new()

  /// Begins a hash, so far of no bytes.
  package init() {
    // Fails only where there is no memory.
    precondition(EVP_DigestInit_ex(state, EVP_sha256(), nil) == 1, "libcrypto has no SHA-256")
  }

  deinit { EVP_MD_CTX_free(state) }

  /// Adds bytes.
  package func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    precondition(EVP_DigestUpdate(state, start, bytes.count) == 1, "libcrypto failed")
  }

  /// The hash of all bytes, after which no more can be added.
  package func finalize() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { bytes, count in
      precondition(EVP_DigestFinal_ex(state, bytes.baseAddress, nil) == 1, "libcrypto failed")
      count = SHA256.byteCount
    }
  }

  #else
  private var state = assay_sha256()

  /// Begins a hash, so far of no bytes.
  package init() { assay_sha256_begin(&state) }

  /// Adds bytes.
  package func update(_ bytes: UnsafeRawBufferPointer) {
    assay_sha256_update(&state, bytes.baseAddress, bytes.count)
  }

  /// The hash of all bytes, after which no more can be added.
  package func finalize() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { bytes, count in
      assay_sha256_end(&state, bytes.baseAddress)
      count = SHA256.byteCount
    }
  }
  #endif

  /// The hash of bytes.
  package static func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let hash = SHA256()
    Array(bytes).withUnsafeBytes { hash.update($0) }
    return hash.finalize()
  }
}
